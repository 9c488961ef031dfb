/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "workers/worker/endlog.h"
#include "workers/worker/limits.h"

/* ---- birth ---- */

static void record_open(struct conn *c, const struct sockaddr_storage *peer)
{
	struct ledger_conn *r = c->rec;
	size_t skip = sizeof r->seq;

	ledger_conn_begin(r);
	memset((char *)r + skip, 0, sizeof *r - skip);
	r->phase = PHASE_HELLO;
	r->deadline = DEADLINE_COUNT;
	r->listener = c->listener->index;
	r->id = (uint64_t)c->w->self.index << 40 | ++c->w->accepted;
	r->accepted_ns = r->phase_since_ns = r->last_progress_ns = c->w->now_ns;
	r->fds = 1;
	r->client_fd = (uint32_t)c->client.fd;
	r->peer = *peer;
	ledger_conn_end(r);
}

void conn_new(struct listener *l, int fd, const struct sockaddr_storage *peer)
{
	struct worker *w = l->w;
	struct conn *c = calloc(1, sizeof *c);

	if (!c) {
		ledger_add(&w->self.ledger.head->ends[END_NO_MEMORY], 1);
		limits_handshake_over(w);
		limits_leave(w, (const struct sockaddr *)peer);
		close(fd);
		return;
	}
	c->w = w;
	c->listener = l;
	c->slot = w->free_slots[--w->free_n];
	c->rec = &w->self.ledger.conns[c->slot];
	c->deadlines = l->deadlines;
	c->server = -1;
	w->conns[c->slot] = c;
	w->conns_n++;
	ledger_set(&w->self.ledger.head->gauges[GAUGE_CONNS], w->conns_n);
	worker_count_fds(w, 1);
	watching_init(c);
	timing_init(c);
	c->client.fd = fd;
	record_open(c, peer);
	conn_update(c);
}

/* ---- what the phases tell ---- */

void conn_set_phase(struct conn *c, enum phase phase)
{
	struct ledger_conn *r = c->rec;
	uint64_t now = c->w->now_ns;

	conn_moved(c);
	if (r->phase <= PHASE_HANDSHAKE && phase > PHASE_HANDSHAKE)
		limits_handshake_over(c->w);
	ledger_conn_begin(r);
	r->phase = (uint8_t)phase;
	r->phase_since_ns = now;
	switch (phase) {
	case PHASE_HANDSHAKE: r->hello_ns = r->hello_ns ? r->hello_ns : now; break;
	case PHASE_CONNECT: r->handshake_ns = now; break;
	case PHASE_RELAY: r->connected_ns = now; break;
	case PHASE_CLOSING: r->closing_ns = now; break;
	default: break;
	}
	ledger_conn_end(r);
}

void conn_moved(struct conn *c)
{
	c->moved = true;
	ledger_set(&c->rec->last_progress_ns, c->w->now_ns);
}

void conn_detail(struct conn *c, const char *text)
{
	ledger_conn_begin(c->rec);
	text_copy(c->rec->detail, sizeof c->rec->detail, text);
	ledger_conn_end(c->rec);
}

/* ---- the end ---- */

static int socket_error(const struct side *s, int err)
{
	int pending = 0;
	socklen_t len = sizeof pending;

	if (err == 0 && getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &pending, &len) == 0)
		err = -pending;
	return err == 0 ? -ECONNRESET : err;
}

/* What the error at which a socket has died means: `reset`, a deadline, or `timed_out`. */
static enum end end_of(const struct conn *c, const struct side *s, enum end reset, enum end timed_out)
{
	if (s->broken == -ECONNRESET || s->broken == -EPIPE)
		return reset;
	enum deadline d = flow_timed_out(s->fd, spill_left(&s->spill), &c->deadlines);
	return d < DEADLINE_COUNT ? timing_end(d) : timed_out;
}

void conn_client_failed(struct conn *c, int err)
{
	c->client.broken = socket_error(&c->client, err);
	conn_detail(c, strerror(-c->client.broken));
	conn_end(c, end_of(c, &c->client, END_CLIENT_RESET, END_CLIENT_TIMED_OUT), ALERT_NONE);
}

void conn_backend_failed(struct conn *c, int err)
{
	struct side *s = &c->backend_side;

	/* It closed before: that it wants nothing more is no failure of what it sent. */
	if (s->said_goodbye) {
		conn_end(c, END_BACKEND_CLOSED, ALERT_NONE);
		return;
	}
	if (!s->broken)
		s->broken = socket_error(s, err);
	spill_clear(&s->spill, &c->w->spill_total);
	s->flow = (struct flow){ 0 };		/* nothing waits for it any more */
	s->wants_room = false;
	s->shut = true;
	conn_moved(c);
}

void conn_backend_ended(struct conn *c, int err)
{
	struct side *s = &c->backend_side;

	if (!s->broken)
		s->broken = socket_error(s, err);
	conn_detail(c, strerror(-s->broken));
	conn_end(c, end_of(c, s, END_BACKEND_RESET, END_BACKEND_TIMED_OUT), ALERT_INTERNAL_ERROR);
}

static void side_close(struct conn *c, struct side *s)
{
	if (s->fd < 0)
		return;
	ev_io_stop(c->w->loop, &s->io);
	spill_clear(&s->spill, &c->w->spill_total);
	close(s->fd);		/* leaves both epoll sets */
	s->fd = -1;
	__atomic_store_n(s == &c->client ? &c->rec->client_fd : &c->rec->backend_fd, 0, __ATOMIC_RELAXED);
	s->watched_for_hup = s->fin_came = false;
	s->wants_room = false;
	s->flow = (struct flow){ 0 };
	worker_count_fds(c->w, -1);
	c->rec->fds--;
}

/* From now on its close is a RST. */
static void side_reset(const struct side *s)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	if (s->fd >= 0)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

void conn_close_backend(struct conn *c, bool with_reset)
{
	if (with_reset)
		side_reset(&c->backend_side);
	side_close(c, &c->backend_side);
}

void conn_end(struct conn *c, enum end end, int alert)
{
	if (c->end != END_NONE || c->gone)
		return;
	if (c->goodbye_said)
		alert = ALERT_NONE;	/* nothing may follow a close_notify */
	bool graceful = end == END_CLIENT_CLOSED || end == END_BACKEND_CLOSED;

	c->end = end;
	conn_set_phase(c, PHASE_CLOSING);
	ledger_conn_begin(c->rec);
	c->rec->end = (uint8_t)end;
	c->rec->alert_sent = alert == ALERT_NONE ? 0 : (uint8_t)(alert + 1);
	ledger_conn_end(c->rec);
	conn_close_backend(c, !graceful);
	opening_clear(c);
	if (c->client.broken)
		conn_cut(c);
	else if (end == END_STOPPED)
		conn_release(c);
	else
		closing_start(c, alert);
}

void conn_release(struct conn *c)
{
	c->gone = true;
}

void conn_cut(struct conn *c)
{
	if (c->client.broken != -ECONNRESET)	/* else there is no connection left */
		side_reset(&c->client);
	conn_release(c);
}

static void conn_free(struct conn *c)
{
	struct worker *w = c->w;
	struct ledger_conn *r = c->rec;

	conn_close_backend(c, true);
	side_close(c, &c->client);
	timing_clear(c);
	opening_clear(c);
	ledger_conn_begin(r);
	r->ended_ns = w->now_ns;
	ledger_conn_end(r);
	ledger_add(&w->self.ledger.head->ends[c->end], 1);
	endlog_write(c);
	limits_leave(w, (const struct sockaddr *)&r->peer);
	tls_clear(&c->tls);
	backend_unref(c->backend);
	ledger_conn_retire(&w->self.ledger, r);
	w->conns[c->slot] = NULL;
	w->free_slots[w->free_n++] = c->slot;
	w->conns_n--;
	w->closed_since_trim++;
	ledger_set(&w->self.ledger.head->gauges[GAUGE_CONNS], w->conns_n);
	ledger_set(&w->self.ledger.head->gauges[GAUGE_SPILL_BYTES], w->spill_total);
	free(c);
	worker_conn_gone(w);
}

void conn_update(struct conn *c)
{
	watching_update(c);
	timing_update(c);
}

void conn_settle(struct conn *c)
{
	if (c->gone)
		conn_free(c);
	else
		conn_update(c);
}

static struct conn *find_id(const struct worker *w, uint64_t id)
{
	for (uint32_t i = 0; i < w->slots_n; i++)
		if (w->conns[i] && w->conns[i]->rec->id == id)
			return w->conns[i];
	return NULL;
}

bool conn_close_id(struct worker *w, uint64_t id)
{
	struct conn *c = find_id(w, id);

	if (!c)
		return false;
	w->gather.size = 0;
	if (c->rec->phase == PHASE_CLOSING)
		conn_release(c);
	else
		conn_end(c, END_OPERATOR, ALERT_INTERNAL_ERROR);
	conn_settle(c);
	return true;
}

void conn_rearm_all(struct worker *w)
{
	for (uint32_t i = 0; i < w->slots_n; i++)
		if (w->conns[i])
			conn_update(w->conns[i]);
}

void conn_stop_all(struct worker *w)
{
	for (uint32_t i = 0; i < w->slots_n; i++) {
		struct conn *c = w->conns[i];
		if (!c)
			continue;
		conn_end(c, END_STOPPED, ALERT_NONE);
		conn_free(c);
	}
}
