/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/backend/serve.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/common/wire.h"

#define BODY_BYTES (1u << 20)
#define SMALL_BYTES 65536	/* copied: cheaper than a page at a time */
#define SINK_BYTES (4u << 20)

enum fate { GOES_ON, BLOCKED, GONE };

struct peer {
	int fd;
	bool is_unix, close, waits_to_write;
	uint32_t head_n;
	uint8_t head[WIRE_BYTES];
	uint64_t body_left, answer_left;
};

static const uint8_t small[SMALL_BYTES] = { 'a' };

int serve_init(struct server *s)
{
	*s = (struct server){ .epoll = epoll_create1(EPOLL_CLOEXEC), .body = memfd_create("body", MFD_CLOEXEC) };
	if (s->epoll < 0 || s->body < 0)
		return -1;
	return ftruncate(s->body, BODY_BYTES);
}

void serve_new(struct server *s, int fd)
{
	struct peer *p = calloc(1, sizeof *p);
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = p };
	int domain = 0;
	socklen_t size = sizeof domain;

	if (!p || epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) < 0) {
		free(p);
		close(fd);
		return;
	}
	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
	p->fd = fd;
	p->is_unix = domain == AF_UNIX;
	s->connections++;
	s->open++;
}

static void end(struct server *s, struct peer *p)
{
	close(p->fd);
	free(p);
	s->open--;
}

static void set_waiting(struct server *s, struct peer *p, bool writes)
{
	struct epoll_event e = { .events = writes ? EPOLLOUT : EPOLLIN, .data.ptr = p };

	if (p->waits_to_write != writes)
		epoll_ctl(s->epoll, EPOLL_CTL_MOD, p->fd, &e);
	p->waits_to_write = writes;
}

static ssize_t send_some(struct server *s, struct peer *p)
{
	off_t from = 0;

	if (p->answer_left <= SMALL_BYTES)
		return send(p->fd, small, (size_t)p->answer_left, MSG_NOSIGNAL);
	return sendfile(p->fd, s->body, &from, p->answer_left < BODY_BYTES ? (size_t)p->answer_left : BODY_BYTES);
}

static enum fate answer(struct server *s, struct peer *p)
{
	while (p->answer_left > 0) {
		ssize_t n = send_some(s, p);
		if (n < 0)
			return errno == EAGAIN ? BLOCKED : GONE;
		p->answer_left -= (uint64_t)n;
		s->bytes_out += (uint64_t)n;
	}
	s->requests++;
	p->head_n = 0;
	return p->close ? GONE : GOES_ON;
}

static enum fate take_head(struct server *s, struct peer *p)
{
	struct wire w;

	if (!wire_get(&w, p->head)) {
		s->bad++;
		return GONE;
	}
	p->close = w.close;
	p->body_left = w.request - WIRE_BYTES;
	p->answer_left = w.answer;
	return p->body_left == 0 ? answer(s, p) : GOES_ON;
}

/* Uses up what was read; requests may follow one another. */
static enum fate take(struct server *s, struct peer *p, const uint8_t *data, size_t size)
{
	enum fate f = GOES_ON;

	while (size > 0 && f == GOES_ON) {
		uint64_t n;
		if (p->head_n < WIRE_BYTES) {
			n = size < WIRE_BYTES - p->head_n ? size : WIRE_BYTES - p->head_n;
			memcpy(p->head + p->head_n, data, n);
			p->head_n += (uint32_t)n;
			if (p->head_n == WIRE_BYTES)
				f = take_head(s, p);
		} else {
			n = size < p->body_left ? size : p->body_left;
			p->body_left -= n;
			if (p->body_left == 0)
				f = answer(s, p);
		}
		data += n;
		size -= n;
	}
	/* Who sends a request before the last one's large answer is read is none of ours. */
	if (f == BLOCKED && size > 0)
		s->bad++;
	return f == BLOCKED && size > 0 ? GONE : f;
}

static enum fate readable(struct server *s, struct peer *p)
{
	/* A large body is discarded by the kernel: MSG_TRUNC copies nothing on TCP. */
	bool sink = !p->is_unix && p->head_n == WIRE_BYTES && p->body_left > SINK_BYTES;
	ssize_t n = sink ? recv(p->fd, NULL, SINK_BYTES, MSG_TRUNC) : recv(p->fd, s->buffer, sizeof s->buffer, 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? GOES_ON : GONE;
	if (n == 0)
		return GONE;
	s->bytes_in += (uint64_t)n;
	if (sink) {
		p->body_left -= (uint64_t)n;
		return GOES_ON;
	}
	return take(s, p, s->buffer, (size_t)n);
}

void serve_event(struct server *s, struct peer *p, uint32_t events)
{
	enum fate f;

	if (p->waits_to_write)
		f = events & (EPOLLERR | EPOLLHUP) ? GONE : answer(s, p);
	else
		f = readable(s, p);
	if (f == GONE)
		end(s, p);
	else
		set_waiting(s, p, f == BLOCKED);
}
