/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SubjectPublicKeyInfo (RFC 5280 4.1.2.7) of ECDSA keys in the form in which
 * everybody writes them: a curve by its name, a point that is not compressed.
 * What has it need not be taken apart to be known.
 */
#ifndef COMMON_SPKI_H
#define COMMON_SPKI_H

#include <stddef.h>
#include <stdint.h>

#define SPKI_BYTES_MAX 120	/* of these */

struct spki_form {
	unsigned bits;
	const char *head;	/* of head_size bytes, up to the point */
	size_t head_size, point_size;
};

enum { SPKI_P256, SPKI_P384, SPKI_FORMS };
extern const struct spki_form spki_forms[SPKI_FORMS];

/* Which of them it is, or -1. */
int spki_form_of(const uint8_t *spki, size_t size);

#endif
