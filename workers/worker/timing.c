/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When the next deadline of a connection is, and what happens at it: one timer,
 * armed anew only when the deadline moves closer.
 */
#include "workers/worker/conn.h"
#include "workers/worker/holds.h"

#define NS_PER_MS 1000000ull
#define NO_DEADLINE UINT64_MAX

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
	case PHASE_HOLD: n = (struct next){ c->held->until_ns, DEADLINE_HANDSHAKE }; break;
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
	case DEADLINE_HANDSHAKE:
		if (c->rec->phase == PHASE_HOLD)
			opening_again(c);
		else
			conn_end(c, END_HANDSHAKE_DEADLINE, ALERT_NONE);
		break;
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
	conn_settle(c);
}

/* ---- for the others ---- */

void timing_init(struct conn *c)
{
	ev_timer_init(&c->timer, on_timer, 0., 0.);
	c->timer.data = c;
}

void timing_update(struct conn *c)
{
	struct next n = next_deadline(c);

	show(c, &n);
	/* Later than armed: the timer finds out when it fires. */
	if (n.at_ns < c->armed_ns || !ev_is_active(&c->timer))
		arm(c, &n);
}

void timing_clear(struct conn *c)
{
	ev_timer_stop(c->w->loop, &c->timer);
}
