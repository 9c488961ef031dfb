/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers of an OCSP responder for tests, good and bad; whatever fails here ends the test. */
#ifndef UNIT_OCSP_H
#define UNIT_OCSP_H

#include "t/unit/pki.h"

enum ocsp_status { OCSP_GOOD, OCSP_REVOKED, OCSP_UNKNOWN };

struct ocsp_want {
	const struct pki_cert *cert, *issuer;
	const struct pki_cert *signer;	/* NULL: the issuer */
	enum ocsp_status status;
	int64_t from, until;		/* Unix seconds; until 0: not said */
	const struct pki_cert *also;	/* comes before it, good, of the same issuer */
	bool sha256;			/* the certificate goes by SHA-256 */
	size_t pad;			/* bytes that say nothing */
};

/* DER, to be freed. */
uint8_t *ocsp_make(const struct ocsp_want *want, size_t *size);

#endif
