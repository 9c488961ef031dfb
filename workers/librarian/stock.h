/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a catalog is made of: the certificates that are served, where each lies
 * in the catalog's segments, which file it came from and which names lead to
 * it. A stock never changes; a change (change.h) makes the next one, which
 * shares with it what stays as it was.
 */
#ifndef LIBRARIAN_STOCK_H
#define LIBRARIAN_STOCK_H

#include "common/catalog.h"
#include "common/channel.h"
#include "plugins/chain/cert.h"

/* A certificate as it is known apart from where it lies; by reference. */
struct held {
	unsigned refs;
	uint32_t file;			/* that it came from, by the number that was given to it */
	uint32_t place;			/* of that in the configuration */
	struct chain_cert **others;	/* authorities that came with it; references */
	int others_n;
	uint32_t names_n;
	const char *names[];		/* normalized; in the same piece of memory */
};

/* others that are no authorities are left out. NULL: out of memory. */
struct held *held_new(uint32_t file, uint32_t place, char *const *names, uint32_t names_n,
	struct chain_cert *const *others, int others_n);
struct held *held_ref(struct held *h);
void held_unref(struct held *h);	/* NULL does nothing */

struct stocked {
	struct held *held;
	struct catalog_segment *segment;	/* of the stock's catalog */
	const struct catalog_entry *entry;
};

struct claim_of;

struct stock {
	unsigned refs;
	struct catalog catalog;
	int fds[CATALOG_SEGMENTS_MAX];	/* of its segments; owned */
	struct stocked *list;
	size_t n, cap;
	struct claim_of *claims;	/* sorted by the hash of the name */
	size_t claims_n;
	uint32_t names_n;		/* different ones */
};

/* An empty one, without segments, to be filled by change.c. NULL: out of memory. */
struct stock *stock_new(void);
/* Takes what is given. 0 or -ENOMEM. */
int stock_push(struct stock *s, struct held *held, struct catalog_segment *segment, const struct catalog_entry *entry);
/* When all have been pushed: makes their names known. 0 or -ENOMEM. */
int stock_index(struct stock *s);
struct stock *stock_ref(struct stock *s);
void stock_unref(struct stock *s);	/* NULL does nothing */

/* The next number in `list` that has that name, from *at on, which begins as 0; -1: no more. */
int64_t stock_next(const struct stock *s, const char *name, size_t *at);

/* Sends the catalog. 0 or a negative errno. */
int stock_send(const struct stock *s, uint32_t generation, struct channel *ch);

#endif
