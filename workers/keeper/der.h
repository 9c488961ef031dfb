/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes DER (X.690) from its end to its beginning, so that a length is known
 * when its turn comes: the last element first, then what is around it.
 */
#ifndef KEEPER_DER_H
#define KEEPER_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum der_tag {
	DER_INTEGER = 0x02, DER_BIT_STRING = 0x03, DER_OCTET_STRING = 0x04, DER_OID = 0x06, DER_UTF8 = 0x0c,
	DER_TIME = 0x18, DER_SEQUENCE = 0x30, DER_SET = 0x31, DER_BOOLEAN = 0x01, DER_DNS_NAME = 0x82,
	DER_CONTEXT_0 = 0xa0, DER_CONTEXT_3 = 0xa3,
};

struct der {
	uint8_t *memory, *at;	/* what is written begins at `at` */
	size_t size;		/* of it */
	bool failed;		/* it did not fit */
};

void der_init(struct der *d, uint8_t *memory, size_t cap);
/* Puts bytes before what there is. */
void der_bytes(struct der *d, const void *data, size_t size);
/* Makes all but the last `after` bytes the content of an element. */
void der_wrap(struct der *d, enum der_tag tag, size_t after);
/* An element with that content. */
void der_put(struct der *d, enum der_tag tag, const void *data, size_t size);

#endif
