/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/remarks.h"

#include <string.h>

#include "workers/librarian/words.h"

static bool is_used(const struct built *b, const struct chain_cert *c)
{
	for (int i = 0; i < b->n; i++)
		for (uint32_t k = 0; k < b->chains[i].links_n; k++)
			if (b->chains[i].links[k].der.size == c->der.size &&
			    memcmp(b->chains[i].links[k].der.data, c->der.data, c->der.size) == 0)
				return true;
	return false;
}

static void on_surplus(struct certs *c, const struct built *b)
{
	int surplus = 0;

	for (int i = 0; i < c->others_n && !b->too_long; i++)
		surplus += !c->others[i]->root && !is_used(b, c->others[i]);
	if (surplus > 0)
		words_say(c->warning, "%d certificate%s in it %s not belong to the chain of the first and %s left out",
			surplus, surplus > 1 ? "s" : "", surplus > 1 ? "do" : "does", surplus > 1 ? "are" : "is");
}

/*
 * A missing issuer is told when the certificate itself says where to get it:
 * then clients are not expected to have it. One without a URL is a private
 * root, more likely than not.
 */
static void on_gap(struct certs *c, const struct build_chain *best)
{
	if (!best->last || !best->url[0])
		return;
	if (best->links_n == 0)
		words_say(c->warning, "its chain is incomplete: no source has the certificate of its issuer, %.300s (%.400s)",
			best->missing, best->url);
	else if (best->links_n + 1 < CATALOG_CHAIN_MAX)
		words_say(c->warning, "its chain is incomplete or its root is not known: no source has %.300s (%.400s)",
			best->missing, best->url);
}

void remarks_on_chain(struct certs *c, const struct built *b, int64_t now)
{
	const struct build_chain *best = &b->chains[0];
	char text[32];

	if (b->too_long)
		words_say(c->warning, "its chain is longer than %d certificates; the rest is not sent", CATALOG_CHAIN_MAX);
	if (now > best->not_after)
		words_say(c->warning, "a certificate of its chain expired on %s", words_day(best->not_after, text));
	if (best->flags & CATALOG_MISMATCHED && !c->names_from_cn)
		words_say(c->warning, "the constraints of an issuer in its chain forbid its names: clients will refuse it");
	on_gap(c, best);
	on_surplus(c, b);
}
