/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A certificate and its staple: what is known, how it stands, when the next
 * try is due, and its record in the cache. Time is a parameter; nothing here
 * fetches.
 */
#ifndef LIBRARIAN_STAPLED_H
#define LIBRARIAN_STAPLED_H

#include "common/staples.h"
#include "workers/librarian/record.h"
#include "workers/librarian/responder.h"
#include "workers/librarian/staple.h"

#define STAPLED_RENEW_MIN_S 10
#define STAPLED_RENEW_MAX_S (4 * 86400)	/* a revocation is seen after that at the latest */

struct stapled {
	uint8_t id[CERT_ID_BYTES];
	char *name;			/* one of the certificate's, for people */
	struct responder *responder;	/* NULL: it names none */
	struct responder *asked;	/* while it is running */
	bool must, on;
	struct bytes request;		/* freed by gnutls_free() */
	struct chain_cert *issuer;	/* NULL: is not known */

	struct bytes der;		/* the answer; size 0: none */
	struct staple_answer said;	/* by it, once it has been checked */
	bool checked, summed;		/* summed: it had been, before it was kept */
	int64_t fetched, tried, next;	/* Unix seconds; 0: none */
	uint32_t failures;		/* in a row */
	char *error;			/* of the last; NULL: none */

	bool asked_for;			/* by the round that says what is wanted */
	bool wanted, running, changed;	/* changed: to be told */
	enum staple_state state;	/* as was last told */
};

struct stapled *stapled_new(const uint8_t id[CERT_ID_BYTES]);	/* NULL: out of memory */
void stapled_free(struct stapled *e);

/* Whose answers count; the reference is taken. What came from the cache is looked at now, and dropped if it is no good. */
void stapled_set_issuer(struct stapled *e, const struct chain_cert *cert, struct chain_cert *issuer, int64_t now);

/* Whether there is one that may be served. */
bool stapled_holds(const struct stapled *e, int64_t now);
/* Why none can be asked for, or NULL. */
const char *stapled_obstacle(const struct stapled *e);
enum staple_state stapled_state(const struct stapled *e, int64_t now);
bool stapled_is_due(const struct stapled *e, int64_t now);

/* An answer has come: NULL, or a static text that says why it is no good; nothing changes then. */
const char *stapled_take(struct stapled *e, const void *answer, size_t size, int64_t now);
/* The try failed. */
void stapled_failed(struct stapled *e, const char *why, int64_t now);

/* r is empty before; its body is lent by e. False: there is nothing to keep. */
bool stapled_to_record(const struct stapled *e, struct record *r);
/* Of a new one; false if there is no memory. */
bool stapled_from_record(struct stapled *e, const struct record *r);
/* The id that a record was kept under; false: it is none. */
bool stapled_record_id(const struct record *r, uint8_t id[CERT_ID_BYTES]);

#endif
