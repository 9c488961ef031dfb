/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Missing links: which URLs they are to be had from, when each is tried next,
 * and what has come. It outlives rounds, and by its cache the process.
 */
#ifndef LIBRARIAN_FETCHES_H
#define LIBRARIAN_FETCHES_H

#include "common/channel.h"
#include "plugins/chain/pool.h"
#include "workers/librarian/fetch.h"
#include "workers/librarian/links.h"

#define FETCHES_MAX 4096	/* URLs that are remembered */

struct fetches;

/* Before the process is restricted. NULL: out of memory. */
struct fetches *fetches_new(void);
void fetches_free(struct fetches *f);

/*
 * Reads the cache directory, which is taken (-1: there is none). Nothing is
 * fetched before.
 */
void fetches_begin(struct fetches *f, int dir);
/* What has been fetched; lent, and grows. */
struct pool *fetches_pool(struct fetches *f);
/* How many certificates have come by fetching. */
unsigned fetches_came(const struct fetches *f);

/* From now on these links are wanted and no others; on: they may be fetched. */
void fetches_want(struct fetches *f, const struct links *missing, const struct fetch_limits *limits, bool on);
/* Tries a URL that is wanted now, past its back-off. */
void fetches_now(struct fetches *f, const char *url);

/* poll(2) for others' descriptors; starts what is due, and takes what has come. */
int fetches_poll(struct fetches *f, struct pollfd *fds, int n, int timeout_ms);
/* Tells the supervisor what has changed while fewer than `limit` packets wait. 0 or a negative errno. */
int fetches_tell(struct fetches *f, struct channel *ch, int limit);

#endif
