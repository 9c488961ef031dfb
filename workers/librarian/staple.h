/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an OCSP responder is asked about a certificate, and what its answer is
 * worth (RFC 6960, as narrow as RFC 5019). The bytes of an answer are anybody's.
 */
#ifndef LIBRARIAN_STAPLE_H
#define LIBRARIAN_STAPLE_H

#include <stdbool.h>

#include "plugins/chain/cert.h"

#define STAPLE_AHEAD_S 300	/* an answer may begin so late: clocks differ */
#define STAPLE_SINGLES_MAX 32	/* certificates looked at in one answer */

/* What a good answer says. */
struct staple_answer {
	bool revoked;
	int64_t from, until;	/* thisUpdate and nextUpdate, Unix seconds */
};

/* The request (DER) for a certificate, to be freed by gnutls_free(); 0 or -ENOMEM. */
int staple_request(const struct chain_cert *cert, const struct chain_cert *issuer, struct bytes *request);
/*
 * Whether an answer is to that request, signed by the issuer or by whom it
 * has charged with that, and in force. NULL and *out is filled in; else a
 * static text that says why not.
 */
const char *staple_check(const struct bytes *request, const struct chain_cert *issuer,
	const void *answer, size_t size, int64_t now, struct staple_answer *out);
/*
 * The same without the signature: for an answer that was checked before and is
 * known to be as it was.
 */
const char *staple_read(const struct bytes *request, const void *answer, size_t size, int64_t now, struct staple_answer *out);

#endif
