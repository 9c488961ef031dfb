/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a segment in the making, for segment*.c alone. */
#ifndef LIBRARIAN_SEGMENT_INSIDE_H
#define LIBRARIAN_SEGMENT_INSIDE_H

#include "workers/librarian/segment.h"

/* Offsets are those in the segment: `bytes` come right after its head. */
#define BYTES_AT ((uint32_t)sizeof(struct catalog_head))

#define NOBODY UINT32_MAX	/* claims a name that is to be hidden */

struct item {
	struct catalog_entry entry;
	bool served;
};

struct claim { uint32_t name_off, item; };

struct segment {
	uint8_t *bytes;		/* certificates and texts */
	size_t size, cap;
	struct item *items;
	size_t items_n, items_cap;
	struct claim *claims;	/* of a name by a certificate */
	size_t claims_n, claims_cap;
	uint32_t *seen;		/* open table by content: offset of the chunk; 0: free */
	uint32_t *seen_size;
	size_t seen_n, seen_cap;
	uint64_t items_at;	/* once it is laid out */
};

/* What lies at an offset. */
const uint8_t *segment_at(const struct segment *s, uint32_t off);

#endif
