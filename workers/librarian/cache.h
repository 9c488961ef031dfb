/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cache directory: a file for each record, written beside and renamed, so
 * that there is never half a one. Files that are damaged are set aside, once
 * each, as NAME.damaged. Nothing depends on a write that succeeds: what cannot
 * be written is fetched again after a restart.
 */
#ifndef LIBRARIAN_CACHE_H
#define LIBRARIAN_CACHE_H

#include "workers/librarian/record.h"

#define CACHE_FILES_MAX 32768	/* that are read, and written */

struct cache;

/* dir: a descriptor of the directory, taken. NULL: out of memory. */
struct cache *cache_new(int dir);
void cache_free(struct cache *c);

/*
 * Reads all files, in any order, and gives their records, lent; logs what is
 * set aside. 0, or a negative errno if the directory cannot be read.
 */
int cache_load(struct cache *c, void (*on_record)(void *data, const struct record *r), void *data);
/* Writes a record in place of the one with its kind and id. 0 or a negative errno; logged by the caller. */
int cache_put(struct cache *c, const struct record *r);
/* The same, and says in the log when it cannot, once until it can again. c may be NULL. */
void cache_keep(struct cache *c, const struct record *r);
int cache_remove(struct cache *c, enum record_kind kind, const char *id);

#endif
