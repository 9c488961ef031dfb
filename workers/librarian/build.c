/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/build.h"

#include <string.h>

#define STEPS_MAX 256	/* certificates looked at for one; a web of cross-signing is cut there */

/* A way up, in the making. */
struct climb {
	const struct build *b;
	int64_t now;
	struct built *out;
	struct chain_cert *path[CATALOG_CHAIN_MAX];	/* the certificate first */
	uint32_t sources[CATALOG_CHAIN_MAX];
	int n, steps;
};

static struct chain_rank rank(const struct build_chain *c, int64_t now)
{
	struct chain_rank r = { .whole = c->flags & CATALOG_COMPLETE, .links_n = c->links_n,
		.suits = now >= c->not_before && now <= c->not_after && !(c->flags & CATALOG_MISMATCHED) };

	for (uint32_t i = 0; i < c->links_n; i++)
		r.sources[i] = c->links[i].sources;
	return r;
}

/* Keeps the best in their order. */
static void keep(struct climb *k, const struct build_chain *c)
{
	struct chain_rank mine = rank(c, k->now);
	struct built *out = k->out;
	int at = out->n;

	while (at > 0) {
		struct chain_rank other = rank(&out->chains[at - 1], k->now);
		if (chain_compare(&mine, &other, k->b->order) <= 0)
			break;
		at--;
	}
	if (at == CATALOG_CHAINS_MAX)
		return;
	if (out->n < CATALOG_CHAINS_MAX)
		out->n++;
	memmove(&out->chains[at + 1], &out->chains[at], (size_t)(out->n - 1 - at) * sizeof out->chains[0]);
	out->chains[at] = *c;
}

static void add_link(const struct climb *k, int i, struct build_chain *c)
{
	struct chain_cert *cert = k->path[i];

	c->links[c->links_n++] = (struct build_link){ cert->der, chain_cert_name(cert), k->sources[i] };
	c->not_before = cert->not_before > c->not_before ? cert->not_before : c->not_before;
	c->not_after = cert->not_after < c->not_after ? cert->not_after : c->not_after;
	if (chain_cert_forbids(cert, k->path[0]))
		c->flags |= CATALOG_MISMATCHED;
}

static void record(struct climb *k, bool complete)
{
	struct build_chain c = { .not_before = INT64_MIN, .not_after = INT64_MAX, .missing = "" };
	struct chain_cert *last = k->path[k->n - 1];

	c.flags = (complete ? CATALOG_COMPLETE : 0) | (k->b->mismatched ? CATALOG_MISMATCHED : 0);
	for (int i = 1; i < k->n; i++)
		add_link(k, i, &c);
	if (!complete) {
		c.last = last;
		c.missing = chain_cert_issuer_name(last);
		chain_cert_url(last, 0, c.url, sizeof c.url);
	}
	keep(k, &c);
}

/*
 * What came in the operator's own file is believed by its key identifiers;
 * anything else must have made the signature.
 */
static bool has_issued(struct chain_cert *cert, const struct chain_candidate *by)
{
	bool sure;

	if (!chain_cert_names_issuer(cert, by->cert, &sure))
		return false;
	return (sure && by->sources & 1u << CHAIN_FILE) || chain_cert_verify(cert, by->cert);
}

static void ask_sources(const struct climb *k, struct chain_candidates *found)
{
	struct chain_question q = { .cert = k->path[k->n - 1], .file = k->b->file, .file_n = k->b->file_n };
	struct chain_candidates offered = { .n = 0 };

	for (const struct chain_use *use = k->b->uses; use->ops; use++)
		use->ops->issuers(use->self, &q, &offered);
	found->n = 0;
	for (int i = 0; i < offered.n; i++)
		if (has_issued(k->path[k->n - 1], &offered.list[i]))
			found->list[found->n++] = offered.list[i];
}

static bool is_on_path(const struct climb *k, const struct chain_cert *c)
{
	for (int i = 0; i < k->n; i++)
		if (chain_cert_same_holder(k->path[i], c))
			return true;
	return false;
}

/* All that have issued it have the same name and key; one that is valid is asked for more. */
static struct chain_cert *issuer_in(const struct chain_candidates *found, int64_t now)
{
	for (int i = 0; i < found->n; i++)
		if (now >= found->list[i].cert->not_before && now <= found->list[i].cert->not_after)
			return found->list[i].cert;
	return found->n > 0 ? found->list[0].cert : NULL;
}

static bool any_root(const struct chain_candidates *found)
{
	for (int i = 0; i < found->n; i++)
		if (found->list[i].cert->root)
			return true;
	return false;
}

static void climb(struct climb *k);

/* Returns whether there was a way. */
static bool step_to(struct climb *k, const struct chain_candidate *next)
{
	if (next->cert->root || is_on_path(k, next->cert) || k->steps >= STEPS_MAX)
		return false;
	if (k->n == CATALOG_CHAIN_MAX) {
		k->out->too_long = true;
		return false;
	}
	k->path[k->n] = next->cert;
	k->sources[k->n++] = next->sources;
	climb(k);
	k->n--;
	return true;
}

static void climb(struct climb *k)
{
	struct chain_candidates found = { .n = 0 };
	bool top = k->path[k->n - 1]->root, further = false;

	k->steps++;
	if (!top)
		ask_sources(k, &found);
	if (k->n == 1)
		k->out->issuer = issuer_in(&found, k->now);
	top = top || any_root(&found);
	if (top)
		record(k, true);
	for (int i = 0; i < found.n; i++)
		further |= step_to(k, &found.list[i]);
	if (!top && !further)
		record(k, false);
}

void build_chains(const struct build *b, int64_t now, struct built *out)
{
	struct climb k = { .b = b, .now = now, .out = out, .path = { b->cert }, .n = 1 };

	out->n = 0;
	out->too_long = false;
	out->issuer = NULL;
	climb(&k);
}
