/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The source `acme`: what came with a certificate that was ordered. Only the
 * chains of such certificates are built with it.
 */
#include "plugins/chain/chain.h"

static void acme_issuers(void *self, const struct chain_question *q, struct chain_candidates *out)
{
	bool sure;

	for (int i = 0; self && i < q->file_n; i++)
		if (chain_cert_names_issuer(q->cert, q->file[i], &sure))
			chain_offer(out, q->file[i], CHAIN_ACME);
}

const struct chain_ops chain_acme = {
	.name = "acme", .version = CHAIN_VERSION, .source = CHAIN_ACME, .issuers = acme_issuers,
};
