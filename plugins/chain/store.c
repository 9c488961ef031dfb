/* SPDX-License-Identifier: BSD-2-Clause */
/* The source `store`: a folder of certificates of authorities, such as the system's. */
#include "plugins/chain/chain.h"
#include "plugins/chain/pool.h"

static void store_issuers(void *self, const struct chain_question *q, struct chain_candidates *out)
{
	struct chain_cert *c = NULL;

	while ((c = pool_next(self, q->cert->issuer, c)) != NULL)
		chain_offer(out, c, CHAIN_STORE);
}

const struct chain_ops chain_store = {
	.name = "store", .version = CHAIN_VERSION, .source = CHAIN_STORE, .issuers = store_issuers,
};
