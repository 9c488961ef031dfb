/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One round of certificate files: files and key ids come in any order, then
 * the end; then each file gets its one answer, in the order in which the files
 * came, and the catalog follows. What it serves stays known as a stock
 * (stock.h), which can change while the round is the current one.
 */
#ifndef LIBRARIAN_ROUND_H
#define LIBRARIAN_ROUND_H

#include <stdbool.h>
#include <stdint.h>

#include "common/chains.h"
#include "common/channel.h"
#include "common/msg.h"
#include "plugins/chain/pool.h"
#include "workers/librarian/change.h"
#include "workers/librarian/fetch.h"
#include "workers/librarian/links.h"
#include "workers/librarian/staples.h"

struct round;
struct sources;

/*
 * fetched: what the sources cache and aia have; brought: what came with
 * certificates in their files, each once, is kept there. They are lent until
 * the round is freed, as staples are.
 */
struct round *round_new(struct pool *fetched, struct pool *brought, struct staples *staples);
/*
 * Before anything of it: what the current round serves at the end of this one
 * stays, with its sources and its store, but for files that are gone.
 */
void round_go_on(struct round *r, const struct round *current);
/*
 * Makes a round that has only its settings the one of what is in force: takes
 * the stock.
 */
void round_resume(struct round *r, struct stock *stock, uint32_t generation);
/* A file of the store of a round that is in use; fd is lent. 0 or -ENOMEM. */
int round_store_file(struct round *r, int fd);
/* Numbers of files that were served until then. 0, -ENOMEM or -EBADMSG. */
int round_gone(struct round *r, struct bytes numbers);
void round_free(struct round *r);

/* The sources of chains and the bounds of a fetch, before any file; without it, file alone. */
void round_settings(struct round *r, const struct msg_chain_settings *s);
/*
 * Reads a file, from the message or from fd, which is lent. Chains are built at once: files of the store come
 * before those that need them. Only want of memory is an error.
 */
int round_file(struct round *r, uint32_t id, int fd, const struct msg_cert_file_req *req, int64_t now);
/* Returns -EBADMSG if the ids are not KEY_ID_BYTES each. */
int round_key_ids(struct round *r, struct bytes ids);
/*
 * Decides about every file and makes the catalog; all chains are built anew if
 * files of a store came to one that goes on. current: the round in use, or
 * NULL. Negative errno if it cannot.
 */
int round_end(struct round *r, const struct round *current, uint32_t generation, int64_t now);

/*
 * After round_end(): sends what is left to send while fewer than `limit`
 * packets wait in the channel. Returns 1 when all has been sent, 0 when some is
 * left, or a negative errno.
 */
int round_answer(struct round *r, struct channel *ch, int limit);

/* After all that. Whether missing links are to be fetched for it. */
bool round_fetches(const struct round *r);
const struct fetch_limits *round_limits(const struct round *r);
/* Of the certificates that are served; lent until the next round_rebuild(). */
const struct links *round_missing(const struct round *r);
/*
 * Says which staples its certificates want, between round_begin_staples(), which
 * says how they are fetched, and staples_want_end(). False: not of all of them
 * yet, which would take too long for one call.
 */
void round_begin_staples(const struct round *r);
bool round_want_staples(const struct round *r, int64_t now);
/* Whether a certificate wants a staple, and what there is of it. */
bool round_look_at_staple(const struct round *r, const struct certs *c, const struct built *b, int64_t now, struct segment_staple *out);
uint32_t round_generation(const struct round *r);
/* For chains that are built beside it; lent until it is freed. */
const struct sources *round_sources(const struct round *r);
const struct chain_order *round_order(const struct round *r);
/* What it serves now; lent. */
struct stock *round_stock(const struct round *r);
/*
 * For whatever changes what is served: the change, made on round_stock() and
 * lent, becomes a small new segment that goes to the supervisor, and from there
 * to all workers. 0 (also if it is empty) or a negative errno.
 */
int round_apply(struct round *r, struct change *c, struct channel *ch, int64_t now);
enum rebuild {
	REBUILD_STAPLES,	/* no chain: only a staple has come */
	REBUILD_FETCHABLE,	/* those that lack a link that can be fetched, to see which are missing */
	REBUILD_LINKS,		/* all that are not whole: a link has come */
};

/* Builds chains anew, staples, and sends what came of it. 0 or a negative errno. */
int round_rebuild(struct round *r, enum rebuild what, struct channel *ch, int64_t now);

#endif
