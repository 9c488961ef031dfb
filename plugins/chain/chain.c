/* SPDX-License-Identifier: BSD-2-Clause */
/* What sources have in common. */
#include "plugins/chain/chain.h"

void chain_offer(struct chain_candidates *to, struct chain_cert *cert, enum chain_source source)
{
	for (int i = 0; i < to->n; i++) {
		if (!chain_cert_same(to->list[i].cert, cert))
			continue;
		to->list[i].sources |= 1u << source;
		return;
	}
	if (to->n < CHAIN_CANDIDATES_MAX)
		to->list[to->n++] = (struct chain_candidate){ .cert = cert, .sources = 1u << source };
}
