/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sources `cache` and `aia`: what was fetched from the URLs in
 * certificates. Both offer the same certificates at once; `aia` is the one for
 * which whoever builds also fetches what is missing.
 */
#include "plugins/chain/chain.h"
#include "plugins/chain/pool.h"

static void offer_all(const struct pool *fetched, const struct chain_question *q, enum chain_source source, struct chain_candidates *out)
{
	struct chain_cert *c = NULL;

	while ((c = pool_next(fetched, q->cert->issuer, c)) != NULL)
		chain_offer(out, c, source);
}

static void cache_issuers(void *self, const struct chain_question *q, struct chain_candidates *out)
{
	offer_all(self, q, CHAIN_CACHE, out);
}

static void aia_issuers(void *self, const struct chain_question *q, struct chain_candidates *out)
{
	offer_all(self, q, CHAIN_AIA, out);
}

const struct chain_ops chain_cache = {
	.name = "cache", .version = CHAIN_VERSION, .source = CHAIN_CACHE, .issuers = cache_issuers,
};
const struct chain_ops chain_aia = {
	.name = "aia", .version = CHAIN_VERSION, .source = CHAIN_AIA, .issuers = aia_issuers,
};
