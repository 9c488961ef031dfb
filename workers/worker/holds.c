/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/holds.h"

#include <stdlib.h>
#include <string.h>

#include "workers/worker/conn.h"

#define NS_PER_MS 1000000ull
#define HANDSHAKE_NEEDS_MS 2000
#define LOOKS_IN_A_TURN 16	/* each may become a handshake */

static uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

static uint64_t end_of(const struct conn *c, uint32_t wait_ms)
{
	uint32_t handshake_ms = c->deadlines.ms[DEADLINE_HANDSHAKE];
	uint64_t left_ms = handshake_ms > HANDSHAKE_NEEDS_MS ? handshake_ms - HANDSHAKE_NEEDS_MS : 0;

	return earlier(c->w->now_ns + wait_ms * NS_PER_MS, c->rec->accepted_ns + left_ms * NS_PER_MS);
}

static uint32_t held_for(const struct worker *w, const char *sni)
{
	uint32_t n = 0;

	for (const struct held *h = w->holds.first; h; h = h->next)
		n += strcmp(h->conn->rec->sni, sni) == 0;
	return n;
}

static void set_gauge(struct worker *w)
{
	ledger_set(&w->self.ledger.head->gauges[GAUGE_HELD], w->holds.n);
}

static void append(struct worker *w, struct held *h)
{
	h->prev = w->holds.last;
	*(h->prev ? &h->prev->next : &w->holds.first) = h;
	w->holds.last = h;
	w->holds.n++;
	set_gauge(w);
}

enum hold_result holds_begin(struct conn *c, const uint8_t *data, size_t size, uint32_t wait_ms)
{
	struct worker *w = c->w;
	uint64_t until_ns = c->held ? c->held->until_ns : end_of(c, wait_ms);

	if (until_ns <= w->now_ns)
		return HOLD_NO_TIME;
	if (c->held)
		return HOLD_OK;
	if (w->holds.n >= w->settings.holds)
		return HOLD_FULL;
	if (held_for(w, c->rec->sni) >= w->settings.holds_per_name)
		return HOLD_NAME_FULL;
	struct held *h = malloc(sizeof *h + size);
	if (!h)
		return HOLD_NO_MEMORY;
	*h = (struct held){ .conn = c, .until_ns = until_ns, .round = w->holds.round, .size = size };
	memcpy(h->data, data, size);
	c->held = h;
	append(w, h);
	ledger_count(&w->self.ledger, COUNT_HELD);
	return HOLD_OK;
}

void holds_end(struct conn *c)
{
	struct held *h = c->held;
	struct worker *w = c->w;

	if (!h)
		return;
	*(h->prev ? &h->prev->next : &w->holds.first) = h->next;
	*(h->next ? &h->next->prev : &w->holds.last) = h->prev;
	w->holds.n--;
	set_gauge(w);
	free(h);
	c->held = NULL;
}

/* ---- looking anew ---- */

static struct held *not_looked_at(const struct worker *w)
{
	struct held *h = w->holds.first;

	while (h && h->round == w->holds.round)
		h = h->next;
	return h;
}

static void look(struct conn *c)
{
	c->held->round = c->w->holds.round;
	c->w->gather.size = 0;
	ledger_doing(&c->w->self.ledger, DOING_CLIENT, c->slot);
	deciding_again(c);
	conn_settle(c);
}

/* A timer without time is called once in a turn: the others are not held up. */
static void on_look(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct worker *w = t->data;
	struct held *h = NULL;

	(void)revents;
	for (int i = 0; i < LOOKS_IN_A_TURN && (h = not_looked_at(w)); i++)
		look(h->conn);
	if (h && not_looked_at(w)) {
		ev_timer_set(t, 0., 0.);
		ev_timer_start(loop, t);
	}
}

void holds_look(struct worker *w)
{
	if (!w->holds.first)
		return;
	w->holds.round++;
	ev_timer_stop(w->loop, &w->holds.looking);
	ev_timer_set(&w->holds.looking, 0., 0.);
	ev_timer_start(w->loop, &w->holds.looking);
}

void holds_init(struct worker *w)
{
	ev_timer_init(&w->holds.looking, on_look, 0., 0.);
	w->holds.looking.data = w;
}

void holds_clear(struct worker *w)
{
	ev_timer_stop(w->loop, &w->holds.looking);
}
