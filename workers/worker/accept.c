/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/accept.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "workers/worker/conn.h"

/* A few, so that workers which share the listener share the load too. */
#define ACCEPTS_PER_TURN 8
#define PAUSE_TOLD_EVERY_NS 10000000000ull

/* What accept(2) passes on of the one connection that it took from the queue. */
static bool is_of_one_connection(int err)
{
	static const int errors[] = { ECONNABORTED, EINTR, EPROTO, ENOPROTOOPT, ENETDOWN, ENETUNREACH,
		EHOSTDOWN, EHOSTUNREACH, ENONET, EOPNOTSUPP, EPERM };

	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
		if (errors[i] == err)
			return true;
	return false;
}

bool accept_is_limit(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
}

static void on_listener(struct ev_loop *loop, ev_io *io, int revents)
{
	struct listener *l = io->data;
	struct worker *w = l->w;
	struct sockaddr_storage peer;

	(void)loop;
	(void)revents;
	ledger_doing(&w->self.ledger, DOING_ACCEPT, UINT32_MAX);
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		if (w->free_n == 0) {
			accept_pause(w);
			return;
		}
		socklen_t len = sizeof peer;
		memset(&peer, 0, sizeof peer);
		int fd = accept4(l->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			ledger_count(&w->self.ledger, COUNT_ACCEPTED);
			conn_new(l, fd, &peer);
		} else if (errno == EAGAIN) {
			return;
		} else if (!is_of_one_connection(errno)) {
			accept_pause(w);	/* it would only wake us again */
			return;
		}
	}
}

void accept_set(struct listener *l, const struct msg_listener *m)
{
	l->index = m->index;
	l->deadlines = m->deadlines;
	snprintf(l->name, sizeof l->name, "%s", m->name);
	snprintf(l->backend, sizeof l->backend, "%s", m->backend);
	snprintf(l->default_certificate, sizeof l->default_certificate, "%s", m->default_certificate);
	memcpy(l->alpn, m->alpn.data, m->alpn.size);
	l->alpn_size = m->alpn.size;
}

struct listener *accept_add(struct worker *w, int fd, const struct msg_listener *m)
{
	struct listener *l = w->listeners_n < LISTENERS_MAX ? calloc(1, sizeof *l) : NULL;

	if (!l) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	l->w = w;
	l->fd = fd;
	accept_set(l, m);
	ev_io_init(&l->io, on_listener, fd, EV_READ);
	l->io.data = l;
	w->listeners[w->listeners_n++] = l;
	return l;
}

void accept_start(struct worker *w)
{
	if (w->draining || w->accepting)
		return;
	w->accepting = true;
	for (int i = 0; i < w->listeners_n; i++)
		if (w->listeners[i]->fd >= 0)
			ev_io_start(w->loop, &w->listeners[i]->io);
	ledger_set(&w->self.ledger.head->gauges[GAUGE_ACCEPTING], 1);
}

static void stop_watching(struct worker *w)
{
	w->accepting = false;
	for (int i = 0; i < w->listeners_n; i++)
		ev_io_stop(w->loop, &w->listeners[i]->io);
	ledger_set(&w->self.ledger.head->gauges[GAUGE_ACCEPTING], 0);
}

/* At the limit each connection that comes or goes may be a pause of its own. */
static void say_pause(struct worker *w)
{
	if (w->pause_told_ns && w->now_ns - w->pause_told_ns < PAUSE_TOLD_EVERY_NS)
		return;
	w->pause_told_ns = w->now_ns;
	log_warning("accepting stops: %u connections, %u places free", w->conns_n, w->free_n);
}

void accept_pause(struct worker *w)
{
	if (!w->accepting)
		return;
	stop_watching(w);
	ledger_count(&w->self.ledger, COUNT_ACCEPT_PAUSES);
	say_pause(w);
	ev_timer_again(w->loop, &w->resume_accept);
}

void accept_close(struct worker *w)
{
	stop_watching(w);
	ev_timer_stop(w->loop, &w->resume_accept);
	for (int i = 0; i < w->listeners_n; i++) {
		if (w->listeners[i]->fd >= 0)
			close(w->listeners[i]->fd);
		w->listeners[i]->fd = -1;
	}
}
