/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/chains.h"

#include <stdio.h>
#include <string.h>

static const char *const sources[] = {
#define X(id, name) name,
	CHAIN_SOURCES(X)
#undef X
};

static const char *const states[] = {
#define X(id, name) name,
	CHAIN_STATES(X)
#undef X
};

const char *chain_source_name(enum chain_source s)
{
	return (unsigned)s < CHAIN_SOURCE_COUNT ? sources[s] : "?";
}

enum chain_source chain_source_by_name(const char *name)
{
	unsigned s = 0;

	while (s < CHAIN_SOURCE_COUNT && strcmp(sources[s], name) != 0)
		s++;
	return s;
}

const char *chain_state_name(enum chain_state s)
{
	return (unsigned)s < CHAIN_STATE_COUNT ? states[s] : "?";
}

bool chain_order_add(struct chain_order *o, enum chain_source s)
{
	if (chain_order_rank(o, 1u << s) >= 0 || o->n == CHAIN_SOURCE_COUNT)
		return false;
	o->at[o->n++] = (uint8_t)s;
	return true;
}

int chain_order_rank(const struct chain_order *o, uint32_t of)
{
	for (int i = 0; i < o->n; i++)
		if (of & 1u << o->at[i])
			return i;
	return -1;
}

struct chain_order chain_order_from_bytes(struct bytes b)
{
	struct chain_order o = { .n = 0 };

	for (size_t i = 0; i < b.size; i++)
		if (b.data[i] < CHAIN_SOURCE_COUNT)
			chain_order_add(&o, b.data[i]);
	return o;
}

void chain_order_text(const struct chain_order *o, char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (int i = 0; i < o->n && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%s", i ? ", " : "", chain_source_name(o->at[i]));
}

/* How many links can be had, without a gap. */
static uint32_t links_within(const struct catalog_chain *c, const struct chain_order *o)
{
	uint32_t n = 0;

	while (n < c->links_n && chain_order_rank(o, c->links[n].sources) >= 0)
		n++;
	return n;
}

static struct chain_choice consider(const struct catalog_segment *s, const struct catalog_chain *c, const struct chain_order *o)
{
	struct chain_choice out = { .chain = c, .links_n = links_within(c, o) };
	bool cut = out.links_n < c->links_n;

	out.whole = !cut && c->flags & CATALOG_COMPLETE;
	out.missing = out.whole ? "" : catalog_text(s, cut ? c->links[out.links_n].name_off : c->missing_off);
	/* Its own URL, or whoever issued the last that is served would have to say. */
	out.url = out.whole || cut ? "" : catalog_text(s, c->url_off);
	return out;
}

static bool goes_on_well(const struct chain_rank *longer, uint32_t at, const struct chain_order *o)
{
	bool by_file = longer->sources[at] & 1u << CHAIN_FILE && chain_order_rank(o, 1u << CHAIN_FILE) >= 0;

	return by_file || !longer->whole;
}

int chain_compare(const struct chain_rank *a, const struct chain_rank *b, const struct chain_order *o)
{
	int by = a->suits - b->suits;
	uint32_t i = 0;

	if (by == 0)
		by = a->whole - b->whole;
	for (; by == 0 && i < a->links_n && i < b->links_n; i++)
		by = chain_order_rank(o, b->sources[i]) - chain_order_rank(o, a->sources[i]);
	if (by != 0 || a->links_n == b->links_n)
		return by;
	if (a->links_n > b->links_n)
		return goes_on_well(a, i, o) ? 1 : -1;
	return goes_on_well(b, i, o) ? -1 : 1;
}

static struct chain_rank rank(const struct chain_choice *c, int64_t now)
{
	const struct catalog_chain *chain = c->chain;
	struct chain_rank r = { .whole = c->whole, .links_n = c->links_n,
		.suits = c->links_n == chain->links_n && now >= chain->not_before && now <= chain->not_after &&
			!(chain->flags & CATALOG_MISMATCHED) };

	for (uint32_t i = 0; i < c->links_n; i++)
		r.sources[i] = chain->links[i].sources;
	return r;
}

static enum chain_state judge(const struct catalog_entry *e, const struct chain_choice *c, int64_t now)
{
	if (now > c->not_after)
		return CHAIN_EXPIRED;
	if (now < e->not_before || now < c->chain->not_before)
		return CHAIN_NOT_YET;
	if (c->chain->flags & CATALOG_MISMATCHED)
		return CHAIN_MISMATCHED;
	if (!c->whole)
		return CHAIN_INCOMPLETE;
	return c->not_after - now < CHAIN_EXPIRING_S ? CHAIN_EXPIRING : CHAIN_COMPLETE;
}

void chain_choose(const struct catalog_segment *s, const struct catalog_entry *e, const struct chain_order *o,
	int64_t now, struct chain_choice *out)
{
	*out = consider(s, catalog_chain(s, e, 0), o);
	struct chain_rank best = rank(out, now);
	for (uint32_t i = 1; i < e->chains_n; i++) {
		struct chain_choice other = consider(s, catalog_chain(s, e, i), o);
		struct chain_rank r = rank(&other, now);
		if (chain_compare(&r, &best, o) <= 0)
			continue;
		*out = other;
		best = r;
	}
	out->not_after = out->chain->not_after < e->not_after ? out->chain->not_after : e->not_after;
	out->state = judge(e, out, now);
}
