/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The catalog: host name to certificates, in sealed read-only segments that
 * the librarian makes and workers use where they lie. A look-up asks all
 * segments for the exact name, newest first, and then all of them for the
 * wildcard of its parent: a certificate of one's own, however old, is meant
 * more than a wildcard. The first segment that has a slot for what is asked
 * decides; a slot without entries is a tombstone: it hides that name (or that
 * wildcard) in older segments.
 * Layout of a segment (host byte order, offsets in bytes from its start):
 * struct catalog_head, then slots_n (a power of two, at most half in use) of
 * struct catalog_slot, then what the offsets point to. An open hash table:
 * a name lies in the first free slot from hash % slots_n on, a wildcard under
 * its text "*.example.org". Readers check every offset.
 */
#ifndef COMMON_CATALOG_H
#define COMMON_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"

#define CATALOG_MAGIC 0x746c736361743031ull
#define CATALOG_SEGMENTS_MAX FDPASS_MAX
#define CATALOG_SEGMENT_BYTES_MAX ((size_t)1 << 32)
#define CATALOG_CHAIN_MAX 10	/* certificates in a chain */
#define CATALOG_ENTRIES_MAX 8	/* certificates for one name */

/* Which key a certificate has; ECDSA by curve (RFC 8422 5.1.1 numbers beside). */
enum catalog_key { CATALOG_RSA, CATALOG_ECDSA_P256, CATALOG_ECDSA_P384, CATALOG_ECDSA_P521, CATALOG_ED25519 };

struct catalog_head {
	uint64_t magic, size;
	uint32_t generation, slots_n;
	uint32_t names_n;	/* slots in use */
	uint32_t entries_n;	/* for people */
};

/*
 * entries_off: u32 count, then that many u32 offsets of struct catalog_entry,
 * preferred first. Lists lie on multiples of 4, entries on multiples of 8.
 */
struct catalog_slot {
	uint64_t hash;		/* 0: empty */
	uint32_t name_off;	/* NUL-terminated, normalized */
	uint32_t entries_off;
};

struct catalog_entry {
	uint8_t key_id[KEY_ID_BYTES];
	uint32_t key;		/* enum catalog_key */
	uint32_t key_bits;
	int64_t not_before, not_after;	/* Unix seconds */
	uint32_t chain_n;
	uint32_t cert_off[CATALOG_CHAIN_MAX], cert_size[CATALOG_CHAIN_MAX];	/* DER, leaf first */
	uint32_t staple_off, staple_size;	/* OCSP response; 0: none */
	uint32_t source_off;	/* the file it came from, for people */
};

struct catalog_segment;

struct catalog {
	struct catalog_segment *segments[CATALOG_SEGMENTS_MAX];	/* newest first */
	int n;
	uint32_t generation;
};

uint64_t catalog_hash(const char *name);	/* never 0 */

/*
 * Checks everything in a segment that a look-up or its user relies on: 0 or
 * -EINVAL. data is aligned as memory from mmap or malloc is.
 */
int catalog_check(const void *data, size_t size);

/* Empty. */
void catalog_init(struct catalog *c);
/*
 * Takes fds, newest first (closes them also on failure), checks seals and
 * bounds, and replaces what c had; on failure c stays as it was. 0 or negative
 * errno.
 */
int catalog_load(struct catalog *c, uint32_t generation, const int *fds, int n);
/*
 * The same for one that looks seldom and must not be held up: only seals and
 * heads are checked now, a slot when it is looked at. A bad slot is none.
 */
int catalog_open(struct catalog *c, uint32_t generation, const int *fds, int n);
void catalog_clear(struct catalog *c);

struct catalog_found {
	const struct catalog_entry *entries[CATALOG_ENTRIES_MAX];
	struct catalog_segment *segment;	/* of all of them */
	int n;
};

/*
 * The certificates for a normalized name, preferred first. False if there is
 * none (out->n is 0 then). They live as long as the segment: take a reference to keep one.
 */
bool catalog_find(const struct catalog *c, const char *name, struct catalog_found *out);

/* For walking over all names: how many slots a segment has. */
uint32_t catalog_slots(const struct catalog *c, int segment);
/*
 * The name in a slot and its certificates. False: the slot is empty, bad, a
 * tombstone, or hidden by a newer segment.
 */
bool catalog_slot(const struct catalog *c, int segment, uint32_t slot, const char **name, struct catalog_found *out);

/* Bytes that an entry's offsets point to; NULL if they lie outside. */
const uint8_t *catalog_bytes(const struct catalog_segment *s, uint32_t off, uint32_t size);
const char *catalog_source(const struct catalog_segment *s, const struct catalog_entry *e);

struct catalog_segment *catalog_ref(struct catalog_segment *s);
void catalog_unref(struct catalog_segment *s);

#endif
