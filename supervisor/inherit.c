/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/tcp.h"

static int find_listener(const struct conf *conf, const char *name)
{
	for (int i = 0; i < conf->listeners_n; i++)
		if (strcmp(conf->listeners[i].name, name) == 0)
			return i;
	return -1;
}

static bool is_listening_stream(int fd)
{
	return sd_is_socket(fd, AF_INET, SOCK_STREAM, 1) > 0 || sd_is_socket(fd, AF_INET6, SOCK_STREAM, 1) > 0;
}

/* Field by field: flow label and scope of an IPv6 address do not matter. */
static bool same_address(const struct sockaddr_storage *x, const struct sockaddr_storage *y)
{
	const struct sockaddr *a = (const void *)x, *b = (const void *)y;

	if (a->sa_family != b->sa_family || addr_port(a) != addr_port(b))
		return false;
	if (a->sa_family == AF_INET)
		return ((const struct sockaddr_in *)x)->sin_addr.s_addr == ((const struct sockaddr_in *)y)->sin_addr.s_addr;
	return memcmp(&((const struct sockaddr_in6 *)x)->sin6_addr, &((const struct sockaddr_in6 *)y)->sin6_addr,
		sizeof(struct in6_addr)) == 0;
}

/* What is wrong with the socket for that listener, into why; or false. */
static bool misfit(const struct conf_listener *l, int fd, char *why, size_t size)
{
	char is[ADDR_TEXT], want[ADDR_TEXT];
	struct addr a, b = { .len = sizeof b.ss };

	if (!is_listening_stream(fd)) {
		snprintf(why, size, "it is no listening TCP socket; use ListenStream= and Accept=no");
		return true;
	}
	if (addr_from_ip(&a, l->address, l->port) < 0 || getsockname(fd, (struct sockaddr *)&b.ss, &b.len) < 0) {
		snprintf(why, size, "its address cannot be known");
		return true;
	}
	if (same_address(&a.ss, &b.ss))
		return false;
	snprintf(why, size, "it listens on %s, the configuration says %s", addr_text((const struct sockaddr *)&b.ss, is),
		addr_text((const struct sockaddr *)&a.ss, want));
	return true;
}

static int fail(const struct conf_listener *l, const char *name, const char *why, conf_report *report, void *data)
{
	char text[768];

	if (l)
		snprintf(text, sizeof text, "%s:%u: listener \"%s\": the service manager's socket does not fit: %s",
			l->where.file, l->where.line, l->name, why);
	else
		snprintf(text, sizeof text, "the service manager passes a socket named \"%.64s\": %s", name, why);
	report(data, text);
	return -EINVAL;
}

static int place(const struct conf *conf, int fd, const char *name, int *fds, conf_report *report, void *data)
{
	char why[512];
	int i = find_listener(conf, name);

	if (i < 0)
		return fail(NULL, name, "no listener has that name; set FileDescriptorName= to a listener's name", report, data);
	if (fds[i] >= 0)
		return fail(&conf->listeners[i], name, "it is the second with that name", report, data);
	if (misfit(&conf->listeners[i], fd, why, sizeof why))
		return fail(&conf->listeners[i], name, why, report, data);
	/* All workers are woken, and one gets the connection: the others must not wait for the next. */
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return fail(&conf->listeners[i], name, strerror(errno), report, data);
	int rc = tcp_set_up(fd);
	if (rc < 0)
		return fail(&conf->listeners[i], name, strerror(-rc), report, data);
	fds[i] = fd;
	return 0;
}

int inherit_listeners(const struct conf *conf, int *fds, conf_report *report, void *data)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names), failed = 0;

	if (n < 0) {
		report(data, "LISTEN_FDS or LISTEN_FDNAMES of the service manager cannot be understood");
		return n;
	}
	for (int i = 0; i < n; i++) {
		int fd = SD_LISTEN_FDS_START + i;
		int rc = place(conf, fd, names[i], fds, report, data);
		if (rc < 0)
			close(fd);
		failed = rc < 0 ? rc : failed;
		free(names[i]);
	}
	free(names);
	return failed;
}
