/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "workers/librarian/restaple.h"
#include "workers/librarian/round_inside.h"

#define LOOKS_MAX 256	/* certificates parsed for their staples in one call */

static bool is_whole(const struct stocked *s, int64_t now)
{
	const struct catalog_chain *best = catalog_chain(s->segment, s->entry, 0);

	return best->flags & CATALOG_COMPLETE && now <= best->not_after;
}

bool round_may_be_fetched(const struct stocked *s, int64_t now)
{
	const struct catalog_chain *best = catalog_chain(s->segment, s->entry, 0);

	return now > best->not_after || (!(best->flags & CATALOG_COMPLETE) && *catalog_text(s->segment, best->url_off));
}

static bool same_link(const struct build_link *a, const struct build_link *b)
{
	return a->sources == b->sources && a->der.size == b->der.size && memcmp(a->der.data, b->der.data, a->der.size) == 0;
}

static bool same_chain(const struct build_chain *a, const struct build_chain *b)
{
	if (a->links_n != b->links_n || a->flags != b->flags || strcmp(a->url, b->url) != 0)
		return false;
	for (uint32_t i = 0; i < a->links_n; i++)
		if (!same_link(&a->links[i], &b->links[i]))
			return false;
	return true;
}

static bool same_chains(const struct stocked *s, const struct built *b)
{
	struct built old;

	segment_built_of(s->segment, s->entry, &old);
	if (old.n != b->n)
		return false;
	for (int i = 0; i < b->n; i++)
		if (!same_chain(&old.chains[i], &b->chains[i]))
			return false;
	return true;
}

/* The same with other chains. */
static int serve_anew(const struct round *r, struct change *c, const struct stocked *s, size_t i,
	const struct certs *certs, const struct built *built, int64_t now)
{
	struct segment_staple staple;
	bool stapled = round_look_at_staple(r, certs, built, now, &staple);
	int64_t number = change_add(c, held_ref(s->held), certs, built, stapled ? &staple : NULL, catalog_source(s->segment, s->entry));

	if (number < 0)
		return (int)number;
	change_serve(c, number);
	change_drop(c, i);
	return 0;
}

/* What is served, with the chains that it gets now; certs is to be cleared. */
static int take_stocked(const struct round *r, const struct stocked *s, int64_t now, struct certs *certs, struct built *built)
{
	struct chain_cert *own = chain_cert_new(catalog_bytes(s->segment, s->entry->cert_off, s->entry->cert_size), s->entry->cert_size);

	*certs = (struct certs){ .names_n = 0 };
	if (!own)
		return -errno;
	int rc = certs_take(certs, own, s->held->others, s->held->others_n, now);
	if (rc == 0)
		round_build(r, certs, now, built);
	chain_cert_unref(own);
	return rc;
}

int round_build_again(struct round *r, struct change *c, const struct stocked *s, size_t i, int64_t now)
{
	struct built built;
	struct certs certs;
	int rc = take_stocked(r, s, now, &certs, &built);

	if (rc == 0 && round_fetches(r))
		rc = links_add(&r->missing, certs.cert, &built, now);
	if (rc == 0 && !same_chains(s, &built))
		rc = serve_anew(r, c, s, i, &certs, &built, now);
	certs_clear(&certs);
	return rc;
}

static bool is_rebuilt(enum rebuild what, const struct stocked *s, int64_t now)
{
	return what == REBUILD_LINKS ? !is_whole(s, now) : what == REBUILD_FETCHABLE && round_may_be_fetched(s, now);
}

int round_rebuild(struct round *r, enum rebuild what, struct channel *ch, int64_t now)
{
	struct change *c = change_new(r->stock);
	int rc = c ? 0 : -ENOMEM;

	if (what != REBUILD_STAPLES)
		links_clear(&r->missing);
	for (size_t i = 0; i < r->stock->n && rc == 0; i++)
		if (is_rebuilt(what, &r->stock->list[i], now))
			rc = round_build_again(r, c, &r->stock->list[i], i, now);
	if (rc == 0)
		rc = restaple(c, r->staples, r->staple, now);
	if (rc == 0)
		rc = round_apply(r, c, ch, now);
	change_free(c);
	return rc;
}

/* ---- staples ---- */

/* One that this process has not read from its file. */
static void look_again(const struct round *r, const struct stocked *s, int64_t now)
{
	struct segment_staple staple;
	struct built built;
	struct certs certs;

	if (take_stocked(r, s, now, &certs, &built) == 0)
		round_look_at_staple(r, &certs, &built, now, &staple);
	certs_clear(&certs);
}

void round_begin_staples(const struct round *r)
{
	staples_want_begin(r->staples, r->staple, r->staple_timeout_ms);
}

bool round_want_staples(const struct round *r, int64_t now)
{
	int looks = 0;

	for (size_t i = 0; i < r->stock->n; i++) {
		const struct stocked *s = &r->stock->list[i];
		const struct catalog_staple *staple = catalog_staple(s->segment, s->entry);
		if (!staple)
			continue;
		if (!staples_known(r->staples, staple->cert_id) && looks++ < LOOKS_MAX)
			look_again(r, s, now);
		staples_want(r->staples, staple->cert_id);
	}
	return looks <= LOOKS_MAX;
}
