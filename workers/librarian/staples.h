/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The staples of all certificates that name an OCSP responder: fetched ahead,
 * renewed when half of what is left of their time is over, kept in the cache.
 * What is asked of a responder that is down is asked by one certificate at a
 * time. A catalog is made with what is here at that moment.
 */
#ifndef LIBRARIAN_STAPLES_H
#define LIBRARIAN_STAPLES_H

#include "common/channel.h"
#include "workers/librarian/cache.h"
#include "workers/librarian/fetch.h"
#include "workers/librarian/segment.h"

#define STAPLES_MAX 24576	/* certificates; what is beyond is served without */

struct staples;

/* The fetcher is lent. NULL: out of memory. */
struct staples *staples_new(struct fetcher *fetcher);
void staples_free(struct staples *s);

/* Before staples_begin(): what a record of the cache tells. */
void staples_on_record(struct staples *s, const struct record *r);
/* From now on it may fetch, and write the cache, which is lent (NULL: there is none). */
void staples_begin(struct staples *s, struct cache *cache);

/*
 * What a catalog tells of a certificate's staple; name is one of its names,
 * issuer may be NULL. Remembers how to get one if it has a responder and on is
 * true. False: none is wanted. All that *out points to is lent until the next
 * call of any of these.
 */
bool staples_look(struct staples *s, struct chain_cert *cert, struct chain_cert *issuer, const char *name,
	bool on, int64_t now, struct segment_staple *out);

/* The certificates whose staples are wanted, of those that were looked at: begin, each by its id, end. on: they are fetched. */
void staples_want_begin(struct staples *s, bool on, uint32_t timeout_ms);
void staples_want(struct staples *s, const uint8_t id[CERT_ID_BYTES]);
void staples_want_end(struct staples *s);

/* Whether it has been looked at, or there is no room for it. */
bool staples_known(const struct staples *s, const uint8_t id[CERT_ID_BYTES]);
/* As staples_look(), of one that is known: only what is to be served. False: is not known. */
bool staples_now_served(const struct staples *s, const uint8_t id[CERT_ID_BYTES], bool on, int64_t now, struct segment_staple *out);

/* How many staples have come, or have been found revoked: whether a catalog is older than that. */
unsigned staples_came(const struct staples *s);
/* Tries now, past the wait: the one with that id; those of that responder; all that have none or a failure. */
void staples_now(struct staples *s, const uint8_t id[CERT_ID_BYTES]);
void staples_now_url(struct staples *s, const char *url);
void staples_now_bad(struct staples *s, int64_t now);

/* Starts what is due, and warns of what runs out. */
void staples_start(struct staples *s, int64_t now);
/* Tells the supervisor what has changed while fewer than `limit` packets wait. 0 or a negative errno. */
int staples_tell(struct staples *s, struct channel *ch, int limit);

#endif
