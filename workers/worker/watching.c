/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The watchers of a connection's two sockets: which events its state asks for,
 * what the loop's calls come to, and whether each of them was of use.
 */
#include "workers/worker/conn.h"
#include "workers/worker/faults.h"

#define SPURIOUS_WINDOW_NS 1000000000ull

enum { TAG_CLIENT, TAG_BACKEND };

/* ---- calls from the loop ---- */

static void begin_call(struct conn *c, enum doing doing)
{
	c->moved = false;
	c->w->gather.size = 0;		/* never another connection's bytes */
	ledger_doing(&c->w->self.ledger, doing, c->slot);
	ledger_count(&c->w->self.ledger, COUNT_WAKEUPS);
	ledger_add(&c->rec->wakeups, 1);
	faults_called(c);
}

static void note_worst(struct conn *c)
{
	struct ledger_head *h = c->w->self.ledger.head;

	if (c->rec->spurious <= h->gauges[GAUGE_SPURIOUS_WORST])
		return;
	ledger_set(&h->gauges[GAUGE_SPURIOUS_WORST], c->rec->spurious);
	ledger_set(&h->restless_id, c->rec->id);
}

void watching_spurious(struct conn *c)
{
	uint64_t now = c->w->now_ns;

	ledger_count(&c->w->self.ledger, COUNT_SPURIOUS);
	ledger_add(&c->rec->spurious, 1);
	note_worst(c);
	if (now - c->spurious_from_ns >= SPURIOUS_WINDOW_NS) {
		c->spurious_from_ns = now;
		c->spurious_n = 0;
	}
	if (++c->spurious_n != c->w->settings.spurious_wakeups)
		return;
	if (c->rec->phase == PHASE_CLOSING)
		closing_give_up(c, END_SPURIOUS_WAKEUPS);
	else
		conn_end(c, END_SPURIOUS_WAKEUPS, ALERT_INTERNAL_ERROR);
}

static void end_call(struct conn *c)
{
	if (!c->moved && !c->gone)
		watching_spurious(c);
	conn_settle(c);
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

void watching_hup(struct worker *w, uint64_t tag, bool failed)
{
	uint32_t slot = (uint32_t)(tag >> 1) & 0x7fffff;
	struct conn *c = slot < w->slots_n ? w->conns[slot] : NULL;

	/* The tag holds the low bits of the id: a slot may have a new owner. */
	if (!c || (c->rec->id & 0xffffffffff) != tag >> 24)
		return;
	bool of_client = (tag & 1) == TAG_CLIENT;
	struct side *s = of_client ? &c->client : &c->backend_side;
	begin_call(c, of_client ? DOING_CLIENT : DOING_BACKEND);
	if (!s->fin_came)
		conn_moved(c);		/* news, once */
	s->fin_came = true;
	if (c->rec->phase == PHASE_CLOSING)
		closing_check(c);
	else if (c->rec->phase == PHASE_HOLD && !failed)
		conn_end(c, END_CLIENT_LEFT, ALERT_NONE);
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
		/* The client's goodbye may be a close_notify, and its FIN still to come. */
		hup_add(&c->w->hup, s->fd, tag, which == TAG_BACKEND && s->said_goodbye);
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

void watching_update(struct conn *c)
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
	watch(c, &c->client, faults_events(c, client), TAG_CLIENT);
	watch(c, &c->backend_side, backend, TAG_BACKEND);
}

static void side_init(struct side *s, struct conn *c, void (*callback)(struct ev_loop *, ev_io *, int))
{
	*s = (struct side){ .fd = -1, .read_bytes = READ_BYTES_MIN };
	ev_io_init(&s->io, callback, -1, 0);
	s->io.data = c;
}

void watching_init(struct conn *c)
{
	side_init(&c->client, c, on_client);
	side_init(&c->backend_side, c, on_backend);
}
