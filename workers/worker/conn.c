/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "workers/worker/accept.h"
#include "workers/worker/endlog.h"

#define NS_PER_MS 1000000ull
#define NO_DEADLINE UINT64_MAX

enum { TAG_CLIENT, TAG_BACKEND };

/* ---- deadlines ---- */

struct next {
	uint64_t at_ns;
	enum deadline which;
};

static void consider(struct next *n, const struct conn *c, enum deadline d, uint64_t from_ns)
{
	uint64_t ms = c->deadlines.ms[d];

	if (ms > 0 && from_ns + ms * NS_PER_MS < n->at_ns)
		*n = (struct next){ from_ns + ms * NS_PER_MS, d };
}

static uint64_t later(uint64_t a, uint64_t b) { return a > b ? a : b; }

static void consider_relay(struct next *n, const struct conn *c)
{
	/* A goodbye counts as the last byte of the side that said it. */
	uint64_t last = later(c->client.last_byte_ns, c->backend_side.last_byte_ns);

	consider(n, c, DEADLINE_IDLE, last);
	if (c->client.said_goodbye != c->backend_side.said_goodbye)
		consider(n, c, DEADLINE_HALF_CLOSE, last);
}

static struct next next_deadline(struct conn *c)
{
	struct next n = { NO_DEADLINE, DEADLINE_COUNT };
	uint64_t accepted = c->rec->accepted_ns;

	switch (c->rec->phase) {
	case PHASE_HELLO: consider(&n, c, DEADLINE_HELLO, accepted); break;
	case PHASE_HANDSHAKE: consider(&n, c, DEADLINE_HANDSHAKE, accepted); break;
	case PHASE_CONNECT: consider(&n, c, DEADLINE_CONNECT, c->connect_since_ns); break;
	case PHASE_RELAY: consider_relay(&n, c); break;
	case PHASE_CLOSING: n = (struct next){ c->closing_look_ns, c->closing_deadline }; break;
	default: break;
	}
	if (c->w->draining && c->w->drain_ns < n.at_ns)
		n = (struct next){ c->w->drain_ns, DEADLINE_DRAIN };
	return n;
}

/* The record tells the truth at any time; the timer may look too early. */
static void show(struct conn *c, const struct next *n)
{
	struct ledger_conn *r = c->rec;
	uint64_t at_ns = n->at_ns == NO_DEADLINE ? 0 : n->at_ns;

	if (r->deadline == n->which && r->deadline_ns == at_ns)
		return;
	ledger_conn_begin(r);
	r->deadline = (uint8_t)n->which;
	r->deadline_ns = at_ns;
	ledger_conn_end(r);
}

static void arm(struct conn *c, const struct next *n)
{
	ev_timer_stop(c->w->loop, &c->timer);
	c->armed_ns = n->at_ns;
	if (n->at_ns == NO_DEADLINE)
		return;
	uint64_t now = c->w->now_ns;
	double after = n->at_ns > now ? (double)(n->at_ns - now) / 1e9 : 0;
	ev_timer_set(&c->timer, after, 0.);
	ev_timer_start(c->w->loop, &c->timer);
}

static void expire(struct conn *c, enum deadline which)
{
	switch (which) {
	case DEADLINE_HELLO: conn_end(c, END_HELLO_DEADLINE, ALERT_NONE); break;
	case DEADLINE_HANDSHAKE: conn_end(c, END_HANDSHAKE_DEADLINE, ALERT_NONE); break;
	case DEADLINE_CONNECT: connecting_next(c, END_CONNECT_DEADLINE); break;
	case DEADLINE_IDLE: conn_end(c, END_IDLE_DEADLINE, ALERT_INTERNAL_ERROR); break;
	case DEADLINE_HALF_CLOSE: conn_end(c, END_HALF_CLOSE_DEADLINE, ALERT_INTERNAL_ERROR); break;
	case DEADLINE_DRAIN:
		if (c->rec->phase == PHASE_CLOSING)
			closing_check(c);
		else
			conn_end(c, END_DRAIN_DEADLINE, ALERT_INTERNAL_ERROR);
		break;
	default: closing_check(c); break;
	}
}

/* ---- calls from the loop ---- */

static void begin_call(struct conn *c, enum doing doing)
{
	c->moved = false;
	c->w->gather.size = 0;		/* never another connection's bytes */
	ledger_doing(&c->w->self.ledger, doing, c->slot);
	ledger_count(&c->w->self.ledger, COUNT_WAKEUPS);
	ledger_add(&c->rec->wakeups, 1);
}

static void conn_free(struct conn *c);

static void end_call(struct conn *c)
{
	if (!c->moved) {
		ledger_count(&c->w->self.ledger, COUNT_SPURIOUS);
		ledger_add(&c->rec->spurious, 1);
	}
	if (c->gone)
		conn_free(c);
	else
		conn_update(c);
}

static void on_client(struct ev_loop *loop, ev_io *io, int revents)
{
	struct conn *c = io->data;

	(void)loop;
	begin_call(c, DOING_CLIENT);
	if (revents & EV_WRITE)
		relay_client_writable(c);
	if (revents & EV_READ && !c->gone) {
		if (c->rec->phase == PHASE_RELAY)
			relay_client_readable(c);
		else if (c->rec->phase == PHASE_HELLO || c->rec->phase == PHASE_HANDSHAKE)
			opening_readable(c);
	}
	end_call(c);
}

static void on_backend(struct ev_loop *loop, ev_io *io, int revents)
{
	struct conn *c = io->data;

	(void)loop;
	begin_call(c, DOING_BACKEND);
	if (c->rec->phase == PHASE_CONNECT)
		connecting_ready(c);
	else if (c->rec->phase == PHASE_RELAY) {
		if (revents & EV_WRITE)
			relay_backend_writable(c);
		if (revents & EV_READ && c->rec->phase == PHASE_RELAY && !c->gone)
			relay_backend_readable(c);
	}
	end_call(c);
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct conn *c = t->data;
	struct next n = next_deadline(c);

	(void)loop;
	(void)revents;
	ledger_doing(&c->w->self.ledger, DOING_TIMER, c->slot);
	c->w->gather.size = 0;
	if (n.at_ns <= c->w->now_ns)
		expire(c, n.which);
	if (c->gone) {
		conn_free(c);
		return;
	}
	conn_update(c);
	n = next_deadline(c);
	arm(c, &n);
}

void conn_hup(struct worker *w, uint64_t tag, bool failed)
{
	uint32_t slot = (uint32_t)(tag >> 1) & 0x7fffff;
	struct conn *c = slot < w->slots_n ? w->conns[slot] : NULL;

	/* The tag holds the low bits of the id: a slot may have a new owner. */
	if (!c || (c->rec->id & 0xffffffffff) != tag >> 24)
		return;
	bool of_client = (tag & 1) == TAG_CLIENT;
	begin_call(c, of_client ? DOING_CLIENT : DOING_BACKEND);
	conn_moved(c);
	if (c->rec->phase == PHASE_CLOSING)
		closing_check(c);
	else if (failed && of_client)
		conn_client_failed(c, 0);
	else if (failed)
		conn_backend_failed(c, 0);
	end_call(c);
}

/* ---- watching ---- */

static void watch(struct conn *c, struct side *s, int events, int which)
{
	if (s->fd < 0)
		return;
	int now = ev_is_active(&s->io) ? s->io.events & (EV_READ | EV_WRITE) : 0;
	if (now != events) {
		ev_io_stop(c->w->loop, &s->io);
		ev_io_set(&s->io, s->fd, events);
		if (events)
			ev_io_start(c->w->loop, &s->io);
	}
	/* While it connects, the write watcher hears of every failure. */
	bool hup = !(events & EV_READ) && !(which == TAG_BACKEND && c->rec->phase == PHASE_CONNECT);
	if (hup && !s->watched_for_hup) {
		uint64_t tag = (c->rec->id & 0xffffffffff) << 24 | (uint64_t)c->slot << 1 | (uint64_t)which;
		hup_add(&c->w->hup, s->fd, tag);
	} else if (!hup && s->watched_for_hup) {
		hup_remove(&c->w->hup, s->fd);
	}
	s->watched_for_hup = hup;
}

/* A side is read while what comes from it can be passed on. */
static bool may_read(const struct side *from, const struct side *to)
{
	return !from->said_goodbye && !to->broken && spill_left(&to->spill) == 0 && !to->wants_room;
}

static int writes(const struct side *s)
{
	return spill_left(&s->spill) > 0 || s->wants_room ? EV_WRITE : 0;
}

void conn_update(struct conn *c)
{
	int client = writes(&c->client), backend = 0;

	switch (c->rec->phase) {
	case PHASE_HELLO:
	case PHASE_HANDSHAKE:
		if (spill_left(&c->client.spill) == 0)
			client |= EV_READ;
		break;
	case PHASE_CONNECT:
		backend = EV_WRITE;
		break;
	case PHASE_RELAY:
		backend = writes(&c->backend_side);
		if (may_read(&c->client, &c->backend_side))
			client |= EV_READ;
		if (may_read(&c->backend_side, &c->client))
			backend |= EV_READ;
		break;
	default:
		break;
	}
	watch(c, &c->client, client, TAG_CLIENT);
	watch(c, &c->backend_side, backend, TAG_BACKEND);
	struct next n = next_deadline(c);
	show(c, &n);
	/* Later than armed: the timer finds out when it fires. */
	if (n.at_ns < c->armed_ns || !ev_is_active(&c->timer))
		arm(c, &n);
}

void conn_rearm_all(struct worker *w)
{
	for (uint32_t i = 0; i < w->slots_n; i++)
		if (w->conns[i])
			conn_update(w->conns[i]);
}

/* ---- birth ---- */

void conn_set_socket_up(int fd, sa_family_t family)
{
	int one = 1, idle_s = 30, interval_s = 10, probes = 3;

	if (family != AF_INET && family != AF_INET6)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

static void side_init(struct side *s, struct conn *c, void (*callback)(struct ev_loop *, ev_io *, int))
{
	*s = (struct side){ .fd = -1, .read_bytes = READ_BYTES_MIN };
	ev_io_init(&s->io, callback, -1, 0);
	s->io.data = c;
}

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
	r->peer = *peer;
	ledger_conn_end(r);
}

void conn_new(struct listener *l, int fd, const struct sockaddr_storage *peer)
{
	struct worker *w = l->w;
	struct conn *c = calloc(1, sizeof *c);

	if (!c) {
		ledger_add(&w->self.ledger.head->ends[END_NO_MEMORY], 1);
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
	ledger_add(&w->self.ledger.head->gauges[GAUGE_FDS], 1);
	side_init(&c->client, c, on_client);
	side_init(&c->backend_side, c, on_backend);
	ev_timer_init(&c->timer, on_timer, 0., 0.);
	c->timer.data = c;
	c->client.fd = fd;
	conn_set_socket_up(fd, peer->ss_family);
	record_open(c, peer);
	conn_update(c);
}

/* ---- what the phases tell ---- */

void conn_set_phase(struct conn *c, enum phase phase)
{
	struct ledger_conn *r = c->rec;
	uint64_t now = c->w->now_ns;

	conn_moved(c);
	ledger_conn_begin(r);
	r->phase = (uint8_t)phase;
	r->phase_since_ns = now;
	switch (phase) {
	case PHASE_HANDSHAKE: r->hello_ns = now; break;
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
	snprintf(c->rec->detail, sizeof c->rec->detail, "%s", text);
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

void conn_client_failed(struct conn *c, int err)
{
	err = socket_error(&c->client, err);
	conn_detail(c, strerror(-err));
	conn_end(c, err == -ECONNRESET || err == -EPIPE ? END_CLIENT_RESET : END_CLIENT_TIMED_OUT, ALERT_NONE);
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
	s->wants_room = false;
	s->shut = true;
	conn_moved(c);
}

void conn_backend_ended(struct conn *c, int err)
{
	struct side *s = &c->backend_side;

	conn_detail(c, strerror(-(s->broken ? s->broken : socket_error(s, err))));
	conn_end(c, END_BACKEND_RESET, ALERT_INTERNAL_ERROR);
}

static void side_close(struct conn *c, struct side *s)
{
	if (s->fd < 0)
		return;
	ev_io_stop(c->w->loop, &s->io);
	spill_clear(&s->spill, &c->w->spill_total);
	close(s->fd);		/* leaves both epoll sets */
	s->fd = -1;
	s->watched_for_hup = false;
	s->wants_room = false;
	struct ledger_head *h = c->w->self.ledger.head;
	ledger_set(&h->gauges[GAUGE_FDS], h->gauges[GAUGE_FDS] - 1);
	c->rec->fds--;
}

void conn_close_backend(struct conn *c, bool with_reset)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	if (c->backend_side.fd >= 0 && with_reset)
		setsockopt(c->backend_side.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	side_close(c, &c->backend_side);
}

void conn_end(struct conn *c, enum end end, int alert)
{
	if (c->end != END_NONE || c->gone)
		return;
	if (c->goodbye_said)
		alert = ALERT_NONE;	/* nothing may follow a close_notify */
	bool graceful = end == END_CLIENT_CLOSED || end == END_BACKEND_CLOSED;
	bool client_is_dead = end == END_CLIENT_RESET || end == END_CLIENT_TIMED_OUT || end == END_STOPPED;

	c->end = end;
	conn_set_phase(c, PHASE_CLOSING);
	ledger_conn_begin(c->rec);
	c->rec->end = (uint8_t)end;
	c->rec->alert_sent = alert == ALERT_NONE ? 0 : (uint8_t)(alert + 1);
	ledger_conn_end(c->rec);
	conn_close_backend(c, !graceful);
	opening_clear(c);
	if (client_is_dead)
		conn_release(c);
	else
		closing_start(c, alert);
}

void conn_release(struct conn *c)
{
	c->gone = true;
}

static void conn_free(struct conn *c)
{
	struct worker *w = c->w;
	struct ledger_conn *r = c->rec;

	conn_close_backend(c, true);
	side_close(c, &c->client);
	ev_timer_stop(w->loop, &c->timer);
	opening_clear(c);
	ledger_conn_begin(r);
	r->ended_ns = w->now_ns;
	ledger_conn_end(r);
	ledger_add(&w->self.ledger.head->ends[c->end], 1);
	endlog_write(c);
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
	if (c->gone)
		conn_free(c);
	else
		conn_update(c);
	return true;
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
