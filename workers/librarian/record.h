/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One file of the cache directory, as text that a person can read: where
 * something was fetched, what came of it, when it is tried next, and what came.
 */
#ifndef LIBRARIAN_RECORD_H
#define LIBRARIAN_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/catalog.h"
#include "common/msg.h"

#define RECORD_BYTES_MAX ((size_t)128 << 10)	/* of a file */
#define RECORD_BODY_MAX ((size_t)64 << 10)
#define RECORD_ERROR_MAX 200

/* X(enum, word, label of the body in PEM) */
#define RECORD_KINDS(X) \
	X(RECORD_AIA, "aia", "CERTIFICATE")	/* the issuer of a certificate; id is the URL */ \
	X(RECORD_OCSP, "ocsp", "OCSP RESPONSE")	/* id is the certificate's */ \
	X(RECORD_ACME, "acme", "CERTIFICATE")	/* an order; id is the name, url the CA's; the certificate lies elsewhere */

enum record_kind {
#define X(id, word, label) id,
	RECORD_KINDS(X)
#undef X
	RECORD_KIND_COUNT
};

struct record {
	enum record_kind kind;
	char id[CATALOG_TEXT_MAX + 1];		/* what it is found by */
	char url[CATALOG_TEXT_MAX + 1];
	int64_t fetched;		/* Unix seconds; 0: never */
	int64_t tried, next;		/* the last try and the next one; 0: none */
	uint32_t failures;		/* in a row */
	char error[RECORD_ERROR_MAX];	/* of the last, or "" */
	struct bytes body;		/* DER; size 0: none */
	bool summed;			/* of one that was read: the body is as it was written */
};

/*
 * Parses the text of a file; the body is copied. 0, or -EINVAL with *why set
 * to a static text, or -ENOMEM. What is empty has nothing to clear.
 */
int record_parse(struct record *r, const char *text, size_t size, const char **why);
/* The text of a file, NUL-terminated, to be freed; NULL: out of memory. */
char *record_text(const struct record *r);
/* Copies body into the record in place of what it had; 0 or -ENOMEM. */
int record_set_body(struct record *r, const void *body, size_t size);
void record_clear(struct record *r);

#endif
