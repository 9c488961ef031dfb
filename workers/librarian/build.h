/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds the chains of a certificate from what the sources offer. Cross-signed
 * authorities give alternatives, of which the best are kept; loops, gaps and
 * endless ladders are ends of a chain, not failures. Roots end a chain and are
 * never in it: whoever has the root has it already, and nobody else believes it.
 */
#ifndef LIBRARIAN_BUILD_H
#define LIBRARIAN_BUILD_H

#include <stdbool.h>
#include <stdint.h>

#include "plugins/chain/chain.h"

struct build_link {
	struct bytes der;
	const char *name;	/* for people */
	uint32_t sources;	/* bits 1 << enum chain_source */
};

struct build_chain {
	struct build_link links[CATALOG_LINKS_MAX];	/* the certificate's issuer first */
	uint32_t links_n;
	int64_t not_before, not_after;		/* when all links are valid; for none: always */
	uint32_t flags;				/* CATALOG_COMPLETE, CATALOG_MISMATCHED */
	const char *missing;			/* whose certificate is not there; "" if complete */
	char url[CATALOG_TEXT_MAX + 1];		/* where it may be had; "" if nobody says */
	struct chain_cert *last;		/* whose issuer is missing; NULL if complete */
};

/* The best first; at least one. Lent by the certificates that it was built of. */
struct built {
	struct build_chain chains[CATALOG_CHAINS_MAX];
	int n;
	bool too_long;		/* a chain went on beyond CATALOG_CHAIN_MAX */
	struct chain_cert *issuer;	/* of the certificate, a root perhaps; NULL: no source has it */
};

struct build {
	struct chain_cert *cert;		/* the server's own */
	struct chain_cert *const *file;		/* what came with it */
	int file_n;
	const struct chain_use *uses;		/* the sources */
	const struct chain_order *order;	/* the configuration's */
	bool mismatched;			/* clients would not take it for its names anyway */
};

void build_chains(const struct build *b, int64_t now, struct built *out);

#endif
