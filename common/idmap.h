/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A table from ids of certificates (SHA-256, so its bytes are evenly spread)
 * to whatever belongs to them, which has the id in it.
 */
#ifndef COMMON_IDMAP_H
#define COMMON_IDMAP_H

#include <stddef.h>
#include <stdint.h>

#include "common/catalog.h"

struct idmap {
	struct idmap_slot { const uint8_t *id; void *value; } *slots;	/* value NULL: free */
	size_t slots_n, n;
};

/* All zero is empty. */
void idmap_clear(struct idmap *m);
void *idmap_get(const struct idmap *m, const uint8_t id[CERT_ID_BYTES]);	/* NULL: is not there */
/* id lies in value, which stays where it is; it must not be there yet. 0 or -ENOMEM. */
int idmap_add(struct idmap *m, const uint8_t id[CERT_ID_BYTES], void *value);
void idmap_remove(struct idmap *m, const uint8_t id[CERT_ID_BYTES]);
/* All of them, in any order: *at begins with 0; NULL ends. Nothing is added or removed meanwhile. */
void *idmap_next(const struct idmap *m, size_t *at);

#endif
