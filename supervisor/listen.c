/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/tcp.h"
#include "supervisor/orphans.h"

#define BACKLOG 4096	/* the kernel takes at most net.core.somaxconn */

static int bind_socket(const struct addr *a)
{
	int one = 1;
	int fd = socket(a->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
	    (a->ss.ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) < 0) ||
	    bind(fd, (const struct sockaddr *)&a->ss, a->len) < 0) {
		int err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int listen_open_address(const struct addr *a)
{
	int fd = bind_socket(a);

	if (fd < 0)
		return fd;
	int rc = tcp_set_up(fd);
	if (rc == 0 && listen(fd, BACKLOG) < 0)
		rc = -errno;		/* also where one address in use is found */
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

void listen_report(const struct conf_listener *l, int rc, conf_report *report, void *data)
{
	const char *hint = rc == -EADDRINUSE ? "; another program listens there" :
		rc == -EADDRNOTAVAIL ? "; no interface has that address" :
		rc == -EACCES ? "; ports below 1024 need root or CAP_NET_BIND_SERVICE" : "";
	char text[512];

	snprintf(text, sizeof text, "%s:%u: listener \"%s\": cannot listen on %s port %u: %s%s", l->where.file,
		l->where.line, l->name, l->address, (unsigned)l->port, strerror(-rc), hint);
	report(data, text);
}

static int open_one(const struct conf_listener *l, const struct state *st)
{
	struct addr a;
	int rc = addr_from_ip(&a, l->address, l->port);

	if (rc < 0)
		return rc;
	rc = listen_open_address(&a);
	if (rc != -EADDRINUSE || !orphans_give_way(st, &a))
		return rc;
	return listen_open_address(&a);
}

int listen_open(const struct conf *conf, const struct state *st, int *fds, conf_report *report, void *data)
{
	int rc = 0;

	for (int i = 0; i < conf->listeners_n; i++) {
		if (fds[i] >= 0)
			continue;
		fds[i] = open_one(&conf->listeners[i], st);
		if (fds[i] >= 0)
			continue;
		listen_report(&conf->listeners[i], fds[i], report, data);
		fds[i] = -1;
		rc = -EADDRINUSE;
	}
	return rc;
}

int listen_check(const struct conf *conf, conf_report *report, void *data)
{
	int failed = 0;

	for (int i = 0; i < conf->listeners_n; i++) {
		struct addr a;
		int rc = addr_from_ip(&a, conf->listeners[i].address, conf->listeners[i].port);
		if (rc == 0)
			rc = bind_socket(&a);
		if (rc >= 0) {
			close(rc);
		} else if (rc != -EADDRINUSE && rc != -EACCES) {
			listen_report(&conf->listeners[i], rc, report, data);
			failed = -EADDRNOTAVAIL;
		}
	}
	return failed;
}

void listen_close(int *fds, int n)
{
	for (int i = 0; i < n; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}
