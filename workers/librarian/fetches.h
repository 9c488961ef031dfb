/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Missing links: which URLs they are to be had from, when each is tried next,
 * and what has come. It outlives rounds, and by its cache the process.
 */
#ifndef LIBRARIAN_FETCHES_H
#define LIBRARIAN_FETCHES_H

#include "common/channel.h"
#include "plugins/chain/pool.h"
#include "workers/librarian/cache.h"
#include "workers/librarian/fetch.h"
#include "workers/librarian/links.h"

#define FETCHES_MAX 4096	/* URLs that are remembered */

struct fetches;

/* The fetcher is lent. NULL: out of memory. */
struct fetches *fetches_new(struct fetcher *fetcher);
void fetches_free(struct fetches *f);

/* Before fetches_begin(): what a record of the cache tells. */
void fetches_on_record(struct fetches *f, const struct record *r);
/* From now on it may fetch, and write the cache, which is lent (NULL: there is none). */
void fetches_begin(struct fetches *f, struct cache *cache);
/* What has been fetched; lent, and grows. */
struct pool *fetches_pool(struct fetches *f);
/* How many certificates have come by fetching. */
unsigned fetches_came(const struct fetches *f);

/* From now on these links are wanted and no others; on: they may be fetched. */
void fetches_want(struct fetches *f, const struct links *missing, bool on);
/* Tries a URL that is wanted now, past its back-off. */
void fetches_now(struct fetches *f, const char *url);

/* Starts what is due. */
void fetches_start(struct fetches *f);
/* Tells the supervisor what has changed while fewer than `limit` packets wait. 0 or a negative errno. */
int fetches_tell(struct fetches *f, struct channel *ch, int limit);

#endif
