/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A change of the catalog: certificates that come, go or are served with other
 * chains or staples. It makes the next stock, whose catalog is a small new
 * segment in front of those of before: with all that is served under the names
 * that the change touches, and tombstones for names that nobody has any more.
 * When small segments become many they are merged into one, and with the great
 * one when they are half as large.
 */
#ifndef LIBRARIAN_CHANGE_H
#define LIBRARIAN_CHANGE_H

#include "workers/librarian/segment.h"
#include "workers/librarian/stock.h"

#define CHANGE_SEGMENTS 8	/* of a catalog, at most */

struct change;

/* base: what changes, NULL: nothing is there yet; a reference is kept. NULL: out of memory. */
struct change *change_new(struct stock *base);
void change_free(struct change *c);
/* Before anything is dropped: it is a change of that one instead. 0 or -ENOMEM. */
int change_rebase(struct change *c, struct stock *base);

/* Adds a certificate, which is not served yet. held is taken. Returns its number, or -ENOMEM or -EFBIG. */
int64_t change_add(struct change *c, struct held *held, const struct certs *certs, const struct built *chains,
	const struct segment_staple *staple, const char *source);
/* The id of the key of an added one. */
const uint8_t *change_key_id(const struct change *c, int64_t number);
void change_serve(struct change *c, int64_t number);
/* All that came from that file, in base, goes. */
void change_drop_file(struct change *c, uint32_t file);
/* Number i of base's list goes. */
void change_drop(struct change *c, size_t i);
/*
 * The same certificate, number i of base's list, is served with another
 * staple. 0, -ENOMEM or -EFBIG.
 */
int change_staple(struct change *c, size_t i, const struct segment_staple *staple);
bool change_drops(const struct change *c, size_t i);
const struct stock *change_base(const struct change *c);	/* empty if there was none; lent */
/* Whether nothing in it would change what is served. */
bool change_is_empty(const struct change *c);

/* The next stock; c is of no more use but to be freed. NULL with errno set. */
struct stock *change_make(struct change *c, uint32_t generation, int64_t now);

#endif
