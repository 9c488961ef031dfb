/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host set: names in a hash in a sealed memfd that every process uses where
 * it lies. Three kinds of names:
 *   www.example.org     that name
 *   *.example.org       exactly one label more, as in certificates
 *   .example.org        the name itself and all below it, at any depth
 * Layout: struct hostset_head, then slots_n slots (a power of two, at most
 * half of them used, linear probing), then the names, each as u8 kind, u8
 * length, bytes without the dot or star, NUL.
 */
#ifndef COMMON_HOSTSET_H
#define COMMON_HOSTSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOSTSET_MAGIC 0x746c7377686f7331ull
#define HOSTSET_BYTES_MAX ((size_t)256 << 20)

enum hostset_kind { HOSTSET_EXACT, HOSTSET_WILDCARD, HOSTSET_SUFFIX, HOSTSET_KINDS };

struct hostset_head {
	uint64_t magic, size;		/* bytes of all */
	uint32_t slots_n, names_n;
	uint32_t kinds_n[HOSTSET_KINDS];	/* names of each kind */
	uint32_t unused;
};

struct hostset_slot {
	uint32_t tag;			/* upper half of the hash */
	uint32_t off;			/* of the name; 0: empty */
};

struct hostset;

/*
 * Maps a memfd after checking its seals and every bound, and closes fd in any
 * case. NULL with errno set: EPERM (a seal is missing), EINVAL, EFBIG, ENOMEM.
 */
struct hostset *hostset_load(int fd);
struct hostset *hostset_ref(struct hostset *s);
void hostset_unref(struct hostset *s);

/* name: as name_normalize writes it. Costs about a look-up for each of its labels. */
bool hostset_contains(const struct hostset *s, const char *name);
uint32_t hostset_names(const struct hostset *s);
/* For walking over the exact names: how many slots there are, and the name in one; NULL: none. */
uint32_t hostset_slots(const struct hostset *s);
const char *hostset_exact(const struct hostset *s, uint32_t slot);

/*
 * Hashing goes from the last byte to the first, so that one pass over a name
 * gives the hash of every suffix; the kind comes in at the end.
 */
static inline uint64_t hostset_hash_more(uint64_t h, char c) { return (h ^ (uint8_t)c) * 0x100000001b3ull; }
uint64_t hostset_hash_end(uint64_t h, enum hostset_kind kind);
#define HOSTSET_HASH_START 0xcbf29ce484222325ull

#endif
