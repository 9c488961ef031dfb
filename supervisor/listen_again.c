/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/listen_again.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/addr.h"
#include "supervisor/listen.h"

#define NUMBERS_MAX 65535	/* a u16 in messages and ledgers */

static bool has_address(int fd, const struct addr *a)
{
	struct addr is = { .len = sizeof is.ss };
	char text[2][ADDR_TEXT];

	if (fd < 0 || getsockname(fd, (struct sockaddr *)&is.ss, &is.len) < 0)
		return false;
	return strcmp(addr_text((const struct sockaddr *)&is.ss, text[0]), addr_text((const struct sockaddr *)&a->ss, text[1])) == 0;
}

/* Lent; -1: none. */
static int find_socket(const struct supervisor *s, const struct addr *a)
{
	for (int i = 0; i < s->conf->listeners_n; i++)
		if (has_address(s->listener_fds[i], a))
			return s->listener_fds[i];
	for (int i = 0; i < s->inherited_n; i++)
		if (has_address(s->inherited_fds[i], a))
			return s->inherited_fds[i];
	return -1;
}

/* Why an address is in use: perhaps it is ours, as one of all or all of it. */
static const struct conf_listener *at_port(const struct conf *conf, uint16_t port)
{
	for (int i = 0; i < conf->listeners_n; i++)
		if (conf->listeners[i].port == port)
			return &conf->listeners[i];
	return NULL;
}

static void report_failure(const struct supervisor *s, const struct conf_listener *l, int rc, conf_report *report, void *data)
{
	const struct conf_listener *ours = rc == -EADDRINUSE ? at_port(s->conf, l->port) : NULL;
	char text[512];

	if (!ours) {
		listen_report(l, rc, report, data);
		return;
	}
	snprintf(text, sizeof text, "%s:%u: listener \"%s\": cannot listen on %s port %u while listener \"%s\" has %s: "
		"remove that in a reload before, or restart", l->where.file, l->where.line, l->name, l->address,
		(unsigned)l->port, ours->name, ours->address);
	report(data, text);
}

int listen_again(const struct supervisor *s, const struct conf *conf, int *fds, conf_report *report, void *data)
{
	int failed = 0;

	for (int i = 0; i < conf->listeners_n; i++) {
		const struct conf_listener *l = &conf->listeners[i];
		struct addr a;
		int rc = addr_from_ip(&a, l->address, l->port);
		int fd = rc == 0 ? find_socket(s, &a) : -1;
		if (rc == 0 && fd >= 0)
			rc = (fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0 ? -errno : fd;
		else if (rc == 0)
			rc = listen_open_address(&a);
		fds[i] = rc < 0 ? -1 : rc;
		if (rc >= 0)
			continue;
		report_failure(s, l, rc, report, data);
		failed = -EADDRINUSE;
	}
	return failed;
}

int listen_keep_inherited(struct supervisor *s)
{
	s->inherited_fds = calloc((size_t)s->conf->listeners_n, sizeof *s->inherited_fds);
	if (!s->inherited_fds)
		return -ENOMEM;
	for (int i = 0; i < s->conf->listeners_n; i++) {
		int fd = s->listener_fds[i] >= 0 ? fcntl(s->listener_fds[i], F_DUPFD_CLOEXEC, 0) : -1;
		if (fd >= 0)
			s->inherited_fds[s->inherited_n++] = fd;
	}
	return 0;
}

int listen_number(const struct supervisor *s, const char *name)
{
	for (int i = 0; i < s->listener_names_n; i++)
		if (strcmp(s->listener_names[i], name) == 0)
			return i;
	return -1;
}

const char *listen_name(const struct supervisor *s, int number)
{
	return number >= 0 && number < s->listener_names_n ? s->listener_names[number] : "";
}

static int add_name(struct supervisor *s, const char *name)
{
	char **names = s->listener_names_n < NUMBERS_MAX ?
		reallocarray(s->listener_names, (size_t)s->listener_names_n + 1, sizeof *names) : NULL;

	if (!names)
		return s->listener_names_n < NUMBERS_MAX ? -ENOMEM : -ENOSPC;
	s->listener_names = names;
	names[s->listener_names_n] = strdup(name);
	if (!names[s->listener_names_n])
		return -ENOMEM;
	s->listener_names_n++;
	return 0;
}

int listen_number_all(struct supervisor *s, const struct conf *conf)
{
	int rc = 0;

	for (int i = 0; i < conf->listeners_n && rc == 0; i++)
		if (listen_number(s, conf->listeners[i].name) < 0)
			rc = add_name(s, conf->listeners[i].name);
	return rc;
}

void listen_again_clear(struct supervisor *s)
{
	for (int i = 0; i < s->listener_names_n; i++)
		free(s->listener_names[i]);
	free(s->listener_names);
	s->listener_names = NULL;
	s->listener_names_n = 0;
	listen_close(s->inherited_fds, s->inherited_n);
	free(s->inherited_fds);
	s->inherited_fds = NULL;
	s->inherited_n = 0;
}
