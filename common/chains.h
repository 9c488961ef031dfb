/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The certificates between a server's own and a root, as the catalog has them:
 * where each can be had from, and which of them a connection gets.
 * The librarian finds all chains that its sources together can give, and marks
 * each link with the sources that have it. What a connection gets is decided
 * when it comes: its order of sources is the policy's answer. A chain is cut
 * at the first link that no source of that order has, and of what is left the
 * best is served. So one catalog serves every order, and a source that is not
 * named gives nothing, whatever another name may take from it.
 */
#ifndef COMMON_CHAINS_H
#define COMMON_CHAINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/catalog.h"

/* X(enum, name): where a certificate of a chain can be had from; in the catalog by their numbers. */
#define CHAIN_SOURCES(X) \
	X(CHAIN_FILE, "file")		/* the file of the server's own certificate */ \
	X(CHAIN_STORE, "store")		/* a folder of certificates of authorities */ \
	X(CHAIN_CACHE, "cache")		/* fetched before, on disk */ \
	X(CHAIN_AIA, "aia")		/* fetched from the URL in a certificate */ \
	X(CHAIN_ACME, "acme")		/* came with a certificate that was ordered */

enum chain_source {
#define X(id, name) id,
	CHAIN_SOURCES(X)
#undef X
	CHAIN_SOURCE_COUNT
};
const char *chain_source_name(enum chain_source s);
/* CHAIN_SOURCE_COUNT: there is none of that name. */
enum chain_source chain_source_by_name(const char *name);

/* Sources, the preferred first, each at most once. */
struct chain_order { uint8_t n, at[CHAIN_SOURCE_COUNT]; };

/* Appends; false if it is there already. */
bool chain_order_add(struct chain_order *o, enum chain_source s);
/* Place of the first source of the order that is among these (bits 1 << enum chain_source); -1: none is. */
int chain_order_rank(const struct chain_order *o, uint32_t sources);
/* What came in a message: a byte for each source; what is none is left out. */
struct chain_order chain_order_from_bytes(struct bytes b);
/* "file, store"; cut if it does not fit. */
void chain_order_text(const struct chain_order *o, char *text, size_t size);

/* X(enum, name): what a client thinks of a certificate with its chain; the worst that holds. */
#define CHAIN_STATES(X) \
	X(CHAIN_COMPLETE, "complete")		/* up to a root that a source knows */ \
	X(CHAIN_EXPIRING, "expiring")		/* the same, and ends within CHAIN_EXPIRING_S */ \
	X(CHAIN_INCOMPLETE, "incomplete")	/* the issuer of its last certificate is not known */ \
	X(CHAIN_MISMATCHED, "mismatched")	/* clients do not take it for its names */ \
	X(CHAIN_NOT_YET, "not valid yet") \
	X(CHAIN_EXPIRED, "expired")

enum chain_state {
#define X(id, name) id,
	CHAIN_STATES(X)
#undef X
	CHAIN_STATE_COUNT
};
const char *chain_state_name(enum chain_state s);

#define CHAIN_EXPIRING_S (14 * 86400)

/* What one certificate is served with. The texts are the segment's. */
struct chain_choice {
	const struct catalog_chain *chain;
	uint32_t links_n;		/* the first of chain's links: these are sent after the certificate */
	bool whole;			/* up to a root: nothing is missing */
	enum chain_state state;
	int64_t not_after;		/* the first end among what is served */
	const char *missing;		/* who issued the last that is served, if !whole; else "" */
	const char *url;		/* where it may be had, or "" */
};

/* What counts when one of several chains is chosen. */
struct chain_rank {
	bool suits;			/* within its time, for the certificate's names, and not cut */
	bool whole;
	uint32_t links_n, sources[CATALOG_LINKS_MAX];	/* of each link */
};

/*
 * Above 0: a is better. One that suits before one that does not, whole before
 * incomplete, then by the order of sources from the certificate upwards. Of
 * two that go the same way so far, the one goes on that the operator's file
 * goes on with, or that does not reach a root yet; else the shorter is better.
 */
int chain_compare(const struct chain_rank *a, const struct chain_rank *b, const struct chain_order *o);

/*
 * The best chain of an entry with links of these sources alone. A bare look at
 * checked memory: costs no system call and no allocation.
 */
void chain_choose(const struct catalog_segment *s, const struct catalog_entry *e, const struct chain_order *o,
	int64_t now, struct chain_choice *out);

#endif
