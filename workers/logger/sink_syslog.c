/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines for the local syslog daemon, in the form that syslog(3) sends. Not
 * through syslog(3), because that hides whether a line arrived.
 */
#include "workers/logger/sink.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static int syslog_connect(struct sink *s)
{
	static const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
		int err = -errno;
		close(fd);
		return err;
	}
	s->fd = fd;
	return 0;
}

static int send_once(struct sink *s, const char *head, size_t head_size, const struct sink_line *l)
{
	struct iovec v[] = { { (char *)(size_t)head, head_size }, { (char *)(size_t)l->text, l->size } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };
	int rc = s->fd < 0 ? syslog_connect(s) : 0;

	if (rc < 0)
		return rc;
	ssize_t n;
	do
		n = sendmsg(s->fd, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	rc = -errno;
	close(s->fd);
	s->fd = -1;
	return rc;
}

static int syslog_write(struct sink *s, const struct sink_line *l)
{
	const char *pid = logfmt_get(l->parsed, "pid");
	char head[80], when[32];
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(when, sizeof when, "%h %e %T", &tm);
	int n = snprintf(head, sizeof head, "<%d>%s tlsward[%.10s]: ",
		LOG_DAEMON | sink_priority(l->parsed->level), when, pid ? pid : "0");

	int rc = send_once(s, head, (size_t)n, l);
	/* The daemon was started anew, and its socket with it. */
	return rc < 0 ? send_once(s, head, (size_t)n, l) : 0;
}

const struct sink_ops sink_syslog = {
	.name = "syslog", .open = syslog_connect, .write = syslog_write,
};
