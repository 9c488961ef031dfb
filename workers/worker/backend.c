/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/msg.h"

_Static_assert(MSG_SERVERS_MAX <= 64, "a bit each in `tried`");

struct backend *backend_new(const char *name, int proxy_protocol, int servers_n)
{
	if (servers_n < 0 || servers_n > MSG_SERVERS_MAX)
		return NULL;
	struct backend *b = calloc(1, sizeof *b + (size_t)servers_n * sizeof b->servers[0]);
	if (!b)
		return NULL;
	b->refs = 1;
	b->proxy_protocol = proxy_protocol;
	b->expected_n = servers_n;
	snprintf(b->name, sizeof b->name, "%s", name);
	return b;
}

int backend_add(struct backend *b, const char *label, const void *sockaddr, size_t size)
{
	if (b->servers_n >= b->expected_n || size > sizeof b->servers[0].addr.ss || size < sizeof(sa_family_t))
		return -EINVAL;
	struct server *s = &b->servers[b->servers_n++];
	snprintf(s->label, sizeof s->label, "%s", label);
	memcpy(&s->addr.ss, sockaddr, size);
	s->addr.len = (socklen_t)size;
	return 0;
}

struct backend *backend_ref(struct backend *b)
{
	b->refs++;
	return b;
}

void backend_unref(struct backend *b)
{
	if (b && --b->refs == 0)
		free(b);
}

static int pick(struct backend *b, uint64_t tried, uint64_t now_ns, bool resting)
{
	for (int i = 0; i < b->servers_n; i++) {
		int at = (int)((b->turn + (unsigned)i) % (unsigned)b->servers_n);
		bool rests = b->servers[at].rests_until_ns > now_ns;
		if (!(tried & 1ull << at) && rests == resting)
			return at;
	}
	return -1;
}

int backend_pick(struct backend *b, uint64_t *tried, uint64_t now_ns)
{
	int at = pick(b, *tried, now_ns, false);

	if (at < 0)
		at = pick(b, *tried, now_ns, true);
	if (at >= 0) {
		*tried |= 1ull << at;
		b->turn = (unsigned)at + 1;
	}
	return at;
}

void backend_failed(struct backend *b, int server, uint64_t now_ns)
{
	b->servers[server].rests_until_ns = now_ns + SERVER_REST_NS;
}

void backend_worked(struct backend *b, int server)
{
	b->servers[server].rests_until_ns = 0;
}

/*
 * Within a machine the kernel has the answer before the first call returns, yet
 * that call says that the connection is in progress; the second says what came
 * of it. A Unix socket with a full backlog says EAGAIN: as good as refused.
 */
static int start_connecting(int fd, const struct addr *a)
{
	const struct sockaddr *to = (const struct sockaddr *)&a->ss;

	if (connect(fd, to, a->len) == 0)
		return 0;
	if (errno == EINPROGRESS && connect(fd, to, a->len) == 0)
		return 0;
	return errno == EALREADY ? -EINPROGRESS : -errno;
}

int server_connect(const struct server *s, bool *done)
{
	int fd = socket(s->addr.ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	int rc = start_connecting(fd, &s->addr);
	if (rc < 0 && rc != -EINPROGRESS) {
		close(fd);
		return rc;
	}
	*done = rc == 0;
	return fd;
}
