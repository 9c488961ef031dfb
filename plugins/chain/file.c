/* SPDX-License-Identifier: BSD-2-Clause */
/* The source `file`: what came in the same file as the server's own certificate. */
#include "plugins/chain/chain.h"

static void file_issuers(void *self, const struct chain_question *q, struct chain_candidates *out)
{
	bool sure;

	(void)self;
	for (int i = 0; i < q->file_n; i++)
		if (chain_cert_names_issuer(q->cert, q->file[i], &sure))
			chain_offer(out, q->file[i], CHAIN_FILE);
}

const struct chain_ops chain_file = {
	.name = "file", .version = CHAIN_VERSION, .source = CHAIN_FILE, .issuers = file_issuers,
};
