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
#include "workers/worker/limits.h"

/* A few, so that workers which share the listener share the load too. */
#define ACCEPTS_MOST 8
#define LIMIT_OVER_NS 3000000000ull	/* without another pause */

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

/*
 * A call that finds no connection costs nearly as much as one that does: the
 * kernel makes its descriptor first. So one at a time, and more only while the
 * loop comes back at once and finds all taken that it asked for.
 */
static int accepts_now(struct listener *l)
{
	unsigned turn = ev_iteration(l->w->loop);
	bool at_once = turn == l->turn + 1 && l->took_all;

	l->accepts = !at_once ? 1 : l->accepts < ACCEPTS_MOST ? 2 * l->accepts : ACCEPTS_MOST;
	l->turn = turn;
	l->took_all = false;
	return l->accepts;
}

static void on_listener(struct ev_loop *loop, ev_io *io, int revents)
{
	struct listener *l = io->data;
	struct worker *w = l->w;
	struct sockaddr_storage peer;
	int most = accepts_now(l);

	(void)loop;
	(void)revents;
	ledger_doing(&w->self.ledger, DOING_ACCEPT, UINT32_MAX);
	for (int i = 0; i < most; i++) {
		if (w->free_n == 0) {
			accept_pause(w, 0);
			return;
		}
		socklen_t len = sizeof peer;
		memset(&peer, 0, sizeof peer);
		int fd = accept4(l->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			ledger_count(&w->self.ledger, COUNT_ACCEPTED);
			if (limits_enter(w, fd, (struct sockaddr *)&peer))
				conn_new(l, fd, &peer);
		} else if (errno == EAGAIN) {
			return;
		} else if (!is_of_one_connection(errno)) {
			accept_pause(w, errno);	/* it would only wake us again */
			return;
		}
	}
	l->took_all = true;
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
	worker_count_fds(w, 1);
	return l;
}

void accept_start(struct worker *w)
{
	if (w->draining || w->accepting)
		return;
	w->accepting = true;
	w->accepting_since_ns = w->now_ns;
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

static void set_at_limit(struct worker *w, uint64_t since_ns)
{
	w->at_limit_since_ns = since_ns;
	w->at_limit_pauses = 0;
	ledger_set(&w->self.ledger.head->gauges[GAUGE_AT_LIMIT], since_ns != 0);
}

static void say_limit(const struct worker *w, int err)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_WARNING, "accepting stops at a limit");
	log_str(&l, "why", err ? strerror(err) : "all places are taken");
	log_u64(&l, "connections", w->conns_n);
	log_u64(&l, "places_free", w->free_n);
	log_end(&l);
}

static void say_limit_over(const struct worker *w)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_NOTICE, "accepting goes on");
	log_ms(&l, "at_limit_s", (w->accepting_since_ns - w->at_limit_since_ns) / 1000000u);
	log_u64(&l, "pauses", w->at_limit_pauses);
	log_u64(&l, "connections", w->conns_n);
	log_end(&l);
}

void accept_pause(struct worker *w, int err)
{
	if (!w->accepting)
		return;
	stop_watching(w);
	ledger_count(&w->self.ledger, COUNT_ACCEPT_PAUSES);
	if (!w->at_limit_since_ns) {
		say_limit(w, err);
		set_at_limit(w, w->now_ns);
	}
	w->at_limit_pauses++;
	ev_timer_again(w->loop, &w->resume_accept);
}

/* There each connection that comes or goes may be a pause of its own; the log hears of the first and of the end. */
void accept_second(struct worker *w)
{
	if (!w->at_limit_since_ns || !w->accepting || w->now_ns - w->accepting_since_ns < LIMIT_OVER_NS)
		return;
	say_limit_over(w);
	set_at_limit(w, 0);
}

void accept_close(struct worker *w)
{
	stop_watching(w);
	set_at_limit(w, 0);
	ev_timer_stop(w->loop, &w->resume_accept);
	for (int i = 0; i < w->listeners_n; i++) {
		if (w->listeners[i]->fd < 0)
			continue;
		close(w->listeners[i]->fd);
		w->listeners[i]->fd = -1;
		worker_count_fds(w, -1);
	}
}
