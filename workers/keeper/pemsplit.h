/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds the PEM blocks (RFC 7468) of a text that may hold keys, certificates
 * and words between them. Decodes nothing and copies nothing.
 */
#ifndef KEEPER_PEMSPLIT_H
#define KEEPER_PEMSPLIT_H

#include <stdbool.h>
#include <stddef.h>

enum pem_kind {
	PEM_OTHER,		/* parameters, requests, public keys: of no interest */
	PEM_CERTIFICATE,
	PEM_KEY,
	PEM_KEY_ENCRYPTED,	/* PKCS#8, or the older form (RFC 1421 headers) */
};

struct pem_block {
	enum pem_kind kind;
	const char *text;	/* from its BEGIN line to the end of its END line */
	size_t size;
};

enum pem_next { PEM_BLOCK, PEM_END, PEM_BROKEN };

/*
 * Takes the next block out of [*at, end) and moves *at behind it. PEM_BROKEN:
 * a BEGIN line without its END line, or with another BEGIN line before it.
 */
enum pem_next pem_next(const char **at, const char *end, struct pem_block *b);

#endif
