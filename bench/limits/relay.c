/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Program bench-relay: passes bytes between a client and a backend without
 * TLS, by read and write through one large buffer. What it costs is the
 * kernel's part of any proxy's bulk.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/common/address.h"

#define BUFFER_BYTES (256u * 1024)
#define EVENTS 64

/* One direction's source; what the other side did not take waits here, and nothing is read meanwhile. */
struct side {
	int fd;
	bool writes;		/* epoll watches for room, not for bytes */
	struct side *other;
	uint8_t *waiting;
	size_t waiting_n;
};

struct relay {
	int epoll, listener;
	struct sockaddr_storage backend;
	socklen_t backend_size;
	uint8_t buffer[BUFFER_BYTES];
};

static void watch(struct relay *r, struct side *s, int op, bool writes)
{
	struct epoll_event e = { .events = writes ? EPOLLOUT : EPOLLIN, .data.ptr = s };

	s->writes = writes;
	epoll_ctl(r->epoll, op, s->fd, &e);
}

static void stop_watching(struct relay *r, struct side *s)
{
	struct epoll_event e = { .data.ptr = s };

	epoll_ctl(r->epoll, EPOLL_CTL_MOD, s->fd, &e);
}

static void side_end(struct side *s)
{
	close(s->fd);
	free(s->waiting);
	free(s);
}

static void both_end(struct side *s)
{
	struct side *other = s->other;

	side_end(s);
	side_end(other);
}

static void pair(struct relay *r)
{
	int fd = accept4(r->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct side *a = calloc(1, sizeof *a), *b = calloc(1, sizeof *b);

	if (fd < 0 || !a || !b)
		exit(1);
	a->fd = fd;
	b->fd = socket(r->backend.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(b->fd, (struct sockaddr *)&r->backend, r->backend_size) < 0)
		exit(1);
	a->other = b;
	b->other = a;
	address_nodelay(a->fd);
	address_nodelay(b->fd);
	watch(r, a, EPOLL_CTL_ADD, false);
	watch(r, b, EPOLL_CTL_ADD, false);
}

/* Keeps what `to` did not take. */
static void keep(struct relay *r, struct side *from, struct side *to, const uint8_t *data, size_t size)
{
	to->waiting = malloc(size);
	if (!to->waiting)
		exit(1);
	memcpy(to->waiting, data, size);
	to->waiting_n = size;
	stop_watching(r, from);
	watch(r, to, EPOLL_CTL_MOD, true);
}

static void readable(struct relay *r, struct side *s)
{
	ssize_t n = recv(s->fd, r->buffer, sizeof r->buffer, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	ssize_t sent = n > 0 ? send(s->other->fd, r->buffer, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) : -1;
	if (sent < 0 && n > 0 && errno == EAGAIN)
		sent = 0;
	if (sent < 0)
		both_end(s);
	else if (sent < n)
		keep(r, s, s->other, r->buffer + sent, (size_t)(n - sent));
}

static void writable(struct relay *r, struct side *s)
{
	ssize_t n = send(s->fd, s->waiting, s->waiting_n, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN) {
		both_end(s);
		return;
	}
	s->waiting_n -= n > 0 ? (size_t)n : 0;
	memmove(s->waiting, s->waiting + (n > 0 ? n : 0), s->waiting_n);
	if (s->waiting_n > 0)
		return;
	free(s->waiting);
	s->waiting = NULL;
	watch(r, s, EPOLL_CTL_MOD, false);
	watch(r, s->other, EPOLL_CTL_MOD, s->other->waiting_n > 0);
}

/* After an end the rest of the events may be of the same pair: one event a turn. */
static void run(struct relay *r)
{
	struct epoll_event e;

	while (epoll_wait(r->epoll, &e, 1, -1) >= 0 || errno == EINTR) {
		struct side *s = e.data.ptr;
		if (!s)
			pair(r);
		else if (e.events & EPOLLERR)
			both_end(s);
		else if (s->writes)
			writable(r, s);
		else
			readable(r, s);
	}
}

int main(int argc, char **argv)
{
	static struct relay r;
	struct sockaddr_storage a;
	struct epoll_event e = { .events = EPOLLIN };
	socklen_t size;
	int on = 1;

	if (argc != 3 || !address_parse(argv[1], &a, &size) || !address_parse(argv[2], &r.backend, &r.backend_size)) {
		fprintf(stderr, "usage: bench-relay ADDRESS:PORT BACKEND\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	r.epoll = epoll_create1(EPOLL_CLOEXEC);
	r.listener = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(r.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(r.listener, (struct sockaddr *)&a, size) < 0 || listen(r.listener, 4096) < 0) {
		perror("bench-relay");
		return 1;
	}
	epoll_ctl(r.epoll, EPOLL_CTL_ADD, r.listener, &e);
	run(&r);
	return 0;
}
