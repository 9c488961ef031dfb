/* SPDX-License-Identifier: BSD-2-Clause */
/* The sources of chains that this program links. */
#ifndef LIBRARIAN_SOURCES_H
#define LIBRARIAN_SOURCES_H

#include "plugins/chain/chain.h"
#include "plugins/chain/pool.h"

/* What the sources work with; lent. */
struct sources {
	struct pool *store, *fetched;
	void *ordered;		/* not NULL: the certificate was ordered from a CA */
};

#define SOURCES_MAX CHAIN_SOURCE_COUNT

/* Those of the order, ready to be asked; a list that ends with an empty one. */
void sources_use(const struct sources *s, const struct chain_order *order, struct chain_use uses[SOURCES_MAX + 1]);

#endif
