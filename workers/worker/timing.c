/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When the next deadline of a connection is, and what happens at it. There is
 * one timer; it is armed anew only when something moves closer, and finds out
 * by itself when it fires too early. While bytes wait for a peer it fires in
 * between, to look at what the peer's TCP does (flow.h).
 */
#include <errno.h>

#include "workers/worker/conn.h"
#include "workers/worker/holds.h"

#define NS_PER_MS 1000000ull
#define NEVER UINT64_MAX
#define LATE_NS (100 * NS_PER_MS)

struct next {
	uint64_t at_ns;
	enum deadline which;
	struct side *waited_for;	/* of progress and closed_window */
};

static const enum end ends[DEADLINE_COUNT] = {
	[DEADLINE_HELLO] = END_HELLO_DEADLINE,
	[DEADLINE_HANDSHAKE] = END_HANDSHAKE_DEADLINE,
	[DEADLINE_CONNECT] = END_CONNECT_DEADLINE,
	[DEADLINE_IDLE] = END_IDLE_DEADLINE,
	[DEADLINE_PROGRESS] = END_PROGRESS_DEADLINE,
	[DEADLINE_CLOSED_WINDOW] = END_CLOSED_WINDOW_DEADLINE,
	[DEADLINE_HALF_CLOSE] = END_HALF_CLOSE_DEADLINE,
	[DEADLINE_LINGER] = END_LINGER_DEADLINE,
	[DEADLINE_LIFETIME] = END_LIFETIME_DEADLINE,
	[DEADLINE_DRAIN] = END_DRAIN_DEADLINE,
};

enum end timing_end(enum deadline d) { return ends[d]; }

/* ---- which one is next ---- */

static uint64_t later(uint64_t a, uint64_t b) { return a > b ? a : b; }

static void consider_at(struct next *n, enum deadline d, uint64_t at_ns, struct side *waited_for)
{
	if (at_ns < n->at_ns)
		*n = (struct next){ at_ns, d, waited_for };
}

static void consider(struct next *n, const struct conn *c, enum deadline d, uint64_t from_ns)
{
	if (c->deadlines.ms[d] > 0)
		consider_at(n, d, from_ns + c->deadlines.ms[d] * NS_PER_MS, NULL);
}

static void consider_flow(struct next *n, struct conn *c, struct side *s)
{
	const struct flow *f = &s->flow;
	const uint32_t *ms = c->deadlines.ms;

	if (f->waits && f->asked && ms[DEADLINE_PROGRESS] > 0)
		consider_at(n, DEADLINE_PROGRESS, f->silent_since_ns + ms[DEADLINE_PROGRESS] * NS_PER_MS, s);
	if (f->waits && ms[DEADLINE_CLOSED_WINDOW] > 0)
		consider_at(n, DEADLINE_CLOSED_WINDOW, f->stuck_since_ns + ms[DEADLINE_CLOSED_WINDOW] * NS_PER_MS, s);
}

/* A goodbye counts as the last byte of the side that said it; what a peer has taken moves, too. */
static uint64_t last_moved_ns(const struct conn *c)
{
	const struct side *a = &c->client, *b = &c->backend_side;

	return later(later(a->last_byte_ns, a->flow.taken_ns), later(b->last_byte_ns, b->flow.taken_ns));
}

/*
 * While a slow peer is waited for, closed_window says for how long: its
 * acknowledgements come in steps, and until then the other side is not read.
 */
static void consider_relay(struct next *n, struct conn *c)
{
	bool slow_peer = c->client.flow.seen || c->backend_side.flow.seen;

	consider_flow(n, c, &c->backend_side);
	if (slow_peer && c->deadlines.ms[DEADLINE_CLOSED_WINDOW] > 0)
		return;
	consider(n, c, DEADLINE_IDLE, last_moved_ns(c));
	if (c->client.said_goodbye != c->backend_side.said_goodbye)
		consider(n, c, DEADLINE_HALF_CLOSE, last_moved_ns(c));
}

/* Linger runs from our last byte, and anew when some of what is left was acknowledged. */
static void consider_closing(struct next *n, struct conn *c)
{
	const struct flow *f = &c->client.flow;

	if (f->unsent)
		consider_flow(n, c, &c->client);
	else
		consider(n, c, DEADLINE_LINGER, later(f->sent_ns, f->stuck_since_ns));
}

/* The last answer has its time to arrive. */
static void consider_lifetime(struct next *n, const struct conn *c)
{
	uint64_t from_ns = c->rec->accepted_ns, ms = c->deadlines.ms[DEADLINE_LIFETIME];

	if (ms == 0)
		return;
	uint64_t at_ns = from_ns + ms * NS_PER_MS;
	if (c->rec->phase == PHASE_CLOSING)
		at_ns = later(at_ns, c->rec->closing_ns + c->deadlines.ms[DEADLINE_LINGER] * NS_PER_MS);
	consider_at(n, DEADLINE_LIFETIME, at_ns, NULL);
}

static struct next next_deadline(struct conn *c)
{
	struct next n = { NEVER, DEADLINE_COUNT, NULL };
	uint64_t accepted = c->rec->accepted_ns;

	switch (c->rec->phase) {
	case PHASE_HELLO: consider(&n, c, DEADLINE_HELLO, accepted); break;
	case PHASE_HOLD: n = (struct next){ c->held->until_ns, DEADLINE_HANDSHAKE, NULL }; break;
	case PHASE_HANDSHAKE: consider(&n, c, DEADLINE_HANDSHAKE, accepted); break;
	case PHASE_CONNECT: consider(&n, c, DEADLINE_CONNECT, c->connect_since_ns); break;
	case PHASE_RELAY: consider_relay(&n, c); break;
	case PHASE_CLOSING: consider_closing(&n, c); break;
	default: break;
	}
	if (c->rec->phase != PHASE_CLOSING)
		consider_flow(&n, c, &c->client);
	consider_lifetime(&n, c);
	if (c->w->draining)
		consider_at(&n, DEADLINE_DRAIN, c->w->drain_ns, NULL);
	return n;
}

/* ---- record and timer ---- */

/* The record tells the truth at any time; the timer may look too early. */
static void show(struct conn *c, const struct next *n)
{
	struct ledger_conn *r = c->rec;
	uint64_t at_ns = n->at_ns == NEVER ? 0 : n->at_ns;

	if (r->deadline == n->which && r->deadline_ns == at_ns)
		return;
	ledger_conn_begin(r);
	r->deadline = (uint8_t)n->which;
	r->deadline_ns = at_ns;
	ledger_conn_end(r);
}

static uint64_t wake_ns(const struct conn *c, const struct next *n)
{
	return c->look_ns && c->look_ns < n->at_ns ? c->look_ns : n->at_ns;
}

static void arm(struct conn *c, uint64_t at_ns)
{
	ev_timer_stop(c->w->loop, &c->timer);
	c->armed_ns = at_ns;
	if (at_ns == NEVER)
		return;
	uint64_t now = c->w->now_ns;
	double after = at_ns > now ? (double)(at_ns - now) / 1e9 : 0;
	ev_timer_set(&c->timer, after, 0.);
	ev_timer_start(c->w->loop, &c->timer);
}

void timing_update(struct conn *c)
{
	struct next n = next_deadline(c);
	uint64_t at_ns = wake_ns(c, &n);

	show(c, &n);
	/* Later than armed: the timer finds out when it fires. */
	if (at_ns < c->armed_ns || !ev_is_active(&c->timer))
		arm(c, at_ns);
}

/* ---- looking ---- */

void timing_sent(struct conn *c, struct side *s)
{
	uint64_t interval_ns = flow_interval_ns(&c->deadlines);

	flow_sent(&s->flow, c->w->now_ns);
	if (c->look_ns == 0 && interval_ns > 0)
		c->look_ns = c->w->now_ns + interval_ns;
}

void timing_look(struct conn *c, struct side *s)
{
	uint64_t acked = s->flow.acked;

	if (s->fd < 0 || !s->flow.waits)
		return;
	flow_look(&s->flow, s->fd, spill_left(&s->spill), c->w->now_ns);
	flow_net(&s->flow, s->fd, &c->deadlines);
	if (s->flow.acked != acked)
		conn_moved(c);
}

static void look(struct conn *c)
{
	uint64_t interval_ns = flow_interval_ns(&c->deadlines);

	if (c->rec->phase == PHASE_CLOSING) {
		closing_check(c);
		return;
	}
	c->look_ns = 0;
	if (interval_ns == 0)
		return;
	timing_look(c, &c->client);
	timing_look(c, &c->backend_side);
	if (c->client.flow.waits || c->backend_side.flow.waits)
		c->look_ns = c->w->now_ns + interval_ns;
}

/* ---- at a deadline ---- */

static void give_peer_up(struct conn *c, const struct next *n)
{
	conn_detail(c, n->waited_for == &c->client ? "waited for the client" : "waited for the backend");
	if (n->waited_for == &c->client)
		c->client.broken = -ETIMEDOUT;
	conn_end(c, ends[n->which], ALERT_INTERNAL_ERROR);
}

static void expire(struct conn *c, const struct next *n)
{
	if (c->rec->phase == PHASE_CLOSING) {
		closing_give_up(c, ends[n->which]);
		return;
	}
	switch (n->which) {
	case DEADLINE_HELLO: conn_end(c, ends[n->which], ALERT_NONE); break;
	case DEADLINE_HANDSHAKE:
		if (c->rec->phase == PHASE_HOLD)
			deciding_again(c);
		else
			conn_end(c, ends[n->which], ALERT_NONE);
		break;
	case DEADLINE_CONNECT: connecting_next(c, END_CONNECT_DEADLINE); break;
	case DEADLINE_PROGRESS:
	case DEADLINE_CLOSED_WINDOW: give_peer_up(c, n); break;
	default: conn_end(c, ends[n->which], ALERT_INTERNAL_ERROR); break;
	}
}

/*
 * A worker that did not run for a while (stopped, or busy) finds timers due
 * before it has read what had come in time: then once around the loop first.
 */
static bool postpone(struct conn *c)
{
	uint64_t now = c->w->now_ns;

	c->postponed = !c->postponed && now > c->armed_ns + LATE_NS;
	if (c->postponed)
		arm(c, now);
	return c->postponed;
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct conn *c = t->data;

	(void)loop;
	(void)revents;
	if (postpone(c))
		return;
	ledger_doing(&c->w->self.ledger, DOING_TIMER, c->slot);
	c->w->gather.size = 0;
	c->moved = false;
	look(c);
	struct next n = next_deadline(c);
	if (!c->gone && n.at_ns <= c->w->now_ns)
		expire(c, &n);
	n = next_deadline(c);
	if (!c->gone && !c->moved && wake_ns(c, &n) <= c->w->now_ns)
		watching_spurious(c);	/* it would fire again at once */
	conn_settle(c);
}

void timing_init(struct conn *c)
{
	ev_timer_init(&c->timer, on_timer, 0., 0.);
	ev_set_priority(&c->timer, -1);		/* after the sockets: what has come counts */
	c->timer.data = c;
}

void timing_clear(struct conn *c)
{
	ev_timer_stop(c->w->loop, &c->timer);
}
