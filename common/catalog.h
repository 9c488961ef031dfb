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
 * struct catalog_head, then what the offsets point to, among it slots_n (a
 * power of two, at most half in use) of struct catalog_slot. An open hash table:
 * a name lies in the first free slot from hash % slots_n on, a wildcard under
 * its text "*.example.org". Readers check every offset.
 */
#ifndef COMMON_CATALOG_H
#define COMMON_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"

#define CATALOG_MAGIC 0x746c736361743035ull
#define CATALOG_SEGMENTS_MAX MSG_SEGMENTS_MAX
#define CATALOG_SEGMENT_BYTES_MAX ((size_t)1 << 32)
#define CATALOG_CHAIN_MAX 10	/* certificates in a chain */
#define CATALOG_LINKS_MAX (CATALOG_CHAIN_MAX - 1)	/* of them above the server's own */
#define CATALOG_CHAINS_MAX 4	/* alternatives for one certificate */
#define CATALOG_ENTRIES_MAX 8	/* certificates for one name */
#define CATALOG_NAMES_MAX 4096	/* of one certificate */
#define CATALOG_OTHERS_MAX 63	/* certificates beside the server's own in its file */
#define CATALOG_TEXT_MAX 1024	/* bytes of who somebody is, or of a URL */
#define CATALOG_STAPLE_MAX ((size_t)16 << 10)	/* bytes of a staple */
#define CERT_ID_BYTES 32	/* SHA-256 of a certificate (DER) */

/* Which key a certificate has; ECDSA by curve (RFC 8422 5.1.1 numbers beside). */
enum catalog_key { CATALOG_RSA, CATALOG_ECDSA_P256, CATALOG_ECDSA_P384, CATALOG_ECDSA_P521, CATALOG_ED25519 };

struct catalog_head {
	uint64_t magic, size;
	uint32_t generation, slots_n;
	uint32_t slots_off;	/* a multiple of 8 */
	uint32_t names_n;	/* slots in use */
	uint32_t entries_n;	/* for people */
	uint32_t unused;
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

/* A certificate of a chain, and who it is, for people. */
struct catalog_link {
	uint32_t off, size;	/* DER */
	uint32_t name_off;	/* its subject */
	uint32_t sources;	/* that have it: bits 1 << enum chain_source */
};

#define CATALOG_COMPLETE 1u	/* the last one's issuer is a root that a source knows */
#define CATALOG_MISMATCHED 2u	/* clients do not take the certificate for its names */

/* What comes after a certificate. Those with the same issuer share it. */
struct catalog_chain {
	int64_t not_before, not_after;	/* when all links are valid; Unix seconds */
	uint32_t flags;
	uint32_t missing_off;	/* the issuer that is not there; "" if complete */
	uint32_t url_off;	/* where it may be had (caIssuers); "" if nobody says */
	uint32_t links_n;
	struct catalog_link links[];	/* the certificate's issuer first */
};

#define CATALOG_MUST_STAPLE 1u	/* clients may refuse the certificate without a staple (RFC 7633) */

/* Of a certificate that names an OCSP responder or must have a staple. */
struct catalog_staple {
	uint8_t cert_id[CERT_ID_BYTES];	/* what its state is told under */
	int64_t from, until;	/* thisUpdate and nextUpdate, Unix seconds: not to be served after */
	uint32_t off, size;	/* OCSP response (DER) that says "good"; size 0: there is none */
	uint32_t url_off;	/* of the responder; "" if it names none */
	uint32_t flags;
};

struct catalog_entry {
	uint8_t key_id[KEY_ID_BYTES];
	uint32_t key;		/* enum catalog_key */
	uint32_t key_bits;
	int64_t not_before, not_after;	/* Unix seconds */
	uint32_t cert_off, cert_size;	/* DER */
	uint32_t spki_at, spki_size;	/* its SubjectPublicKeyInfo, in bytes from its start */
	uint32_t key_usage;	/* as gnutls_pubkey_set_key_usage() takes it; 0: it does not say */
	uint32_t chains_n;	/* at least 1; one without links if there is nothing above it */
	uint32_t chain_off[CATALOG_CHAINS_MAX];	/* of struct catalog_chain, a multiple of 8 */
	uint32_t staple_off;	/* of struct catalog_staple, a multiple of 8; 0: none is wanted */
	uint32_t name_off;	/* the first of its names */
	uint32_t source_off;	/* the file it came from, for people */
	/* For the librarian alone, which makes the next segment of this one. */
	uint32_t file, place;	/* the number of that file, and its place in the configuration */
	uint32_t names_off;	/* u32 count, then offsets of all its names */
	uint32_t others_off;	/* u32 count, then struct catalog_link of what else came in the file; 0: nothing */
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
 * bounds, and replaces what c had; on failure c stays as it was. A segment that
 * c has is neither mapped nor checked again. 0 or negative errno.
 */
int catalog_load(struct catalog *c, uint32_t generation, const int *fds, int n);
/*
 * The same for one that looks seldom and must not be held up: only seals and
 * heads are checked now, a slot when it is looked at. A bad slot is none.
 */
int catalog_open(struct catalog *c, uint32_t generation, const int *fds, int n);
void catalog_clear(struct catalog *c);
/* Makes `to`, which has none, refer to the same segments. */
void catalog_share(struct catalog *to, const struct catalog *from);
bool catalog_has(const struct catalog *c, const struct catalog_segment *s);

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

/* For going through one segment: its slots, and the name in one, also of a tombstone; NULL: it is empty or bad. */
uint32_t catalog_segment_slots(const struct catalog_segment *s);
const char *catalog_segment_name(const struct catalog_segment *s, uint32_t slot);
uint64_t catalog_segment_bytes(const struct catalog_segment *s);
/* The entry that lies there; NULL if none does. */
const struct catalog_entry *catalog_entry(const struct catalog_segment *s, uint32_t off);
/*
 * What only the librarian reads, checked now: offsets of the names of an entry,
 * and what came with it in its file. *n gets how many; NULL: they are bad.
 */
const uint32_t *catalog_names(const struct catalog_segment *s, const struct catalog_entry *e, uint32_t *n);
const struct catalog_link *catalog_others(const struct catalog_segment *s, const struct catalog_entry *e, uint32_t *n);
/* Bytes that an entry's offsets point to; NULL if they lie outside. */
const uint8_t *catalog_bytes(const struct catalog_segment *s, uint32_t off, uint32_t size);
/* Of what a look-up gave, which has been checked: texts, and the i-th of chains_n chains. */
const char *catalog_text(const struct catalog_segment *s, uint32_t off);
const char *catalog_source(const struct catalog_segment *s, const struct catalog_entry *e);
const struct catalog_chain *catalog_chain(const struct catalog_segment *s, const struct catalog_entry *e, uint32_t i);
const struct catalog_staple *catalog_staple(const struct catalog_segment *s, const struct catalog_entry *e);	/* NULL: none is wanted */
/* Whether it has one that may be served at that time. */
bool catalog_has_staple(const struct catalog_segment *s, const struct catalog_entry *e, int64_t now);

struct catalog_segment *catalog_ref(struct catalog_segment *s);
void catalog_unref(struct catalog_segment *s);

#endif
