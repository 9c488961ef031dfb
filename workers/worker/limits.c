/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/limits.h"

#include <unistd.h>

#include "common/addr.h"
#include "common/log.h"

#define TOLD_EVERY_NS 10000000000ull

static enum end reached(const struct worker *w, const struct sockaddr *peer)
{
	const struct worker_settings *s = &w->settings;

	if (s->per_address && headcount_of(&w->headcount, peer) > s->per_address)
		return END_LIMIT_PER_ADDRESS;
	if (s->handshakes && headcount_handshakes(&w->headcount) > s->handshakes)
		return END_LIMIT_HANDSHAKES;
	return END_NONE;
}

/* One line for many: whoever is refused can come again at once. */
static void say(struct worker *w, struct refusals *r, enum end why)
{
	struct log_line l;
	char text[ADDR_TEXT];

	if (r->untold == 0 || (r->told_ns && w->now_ns - r->told_ns < TOLD_EVERY_NS))
		return;
	log_begin(&l, LOG_LEVEL_WARNING, "connections are refused");
	log_str(&l, "end", end_name(why));
	log_u64(&l, "connections", r->untold);
	log_str(&l, "last_peer", addr_text((const struct sockaddr *)&r->last, text));
	log_end(&l);
	r->told_ns = w->now_ns;
	r->untold = 0;
}

static struct refusals *refusals_for(struct worker *w, enum end why)
{
	return why == END_LIMIT_PER_ADDRESS ? &w->refused_per_address : &w->refused_handshakes;
}

static void refuse(struct worker *w, int fd, const struct sockaddr *peer, enum end why)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct refusals *r = refusals_for(w, why);

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	ledger_add(&w->self.ledger.head->ends[why], 1);		/* who has seen the reset finds it counted */
	close(fd);
	r->untold++;
	r->last = *(const struct sockaddr_storage *)(const void *)peer;
	say(w, r, why);
}

bool limits_enter(struct worker *w, int fd, const struct sockaddr *peer)
{
	headcount_enter(&w->headcount, peer);
	headcount_handshake_begins(&w->headcount);
	enum end why = reached(w, peer);
	if (why == END_NONE)
		return true;
	limits_handshake_over(w);
	limits_leave(w, peer);
	refuse(w, fd, peer, why);
	return false;
}

void limits_handshake_over(struct worker *w)
{
	headcount_handshake_ends(&w->headcount);
}

void limits_leave(struct worker *w, const struct sockaddr *peer)
{
	headcount_leave(&w->headcount, peer);
}

void limits_second(struct worker *w)
{
	say(w, &w->refused_per_address, END_LIMIT_PER_ADDRESS);
	say(w, &w->refused_handshakes, END_LIMIT_HANDSHAKES);
}
