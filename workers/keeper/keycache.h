/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys that a server has parsed, by id: at most KEYCACHE_KEYS, then it
 * starts again from none, which costs a parsing (some ten microseconds) per
 * key and needs no order to be kept.
 */
#ifndef KEEPER_KEYCACHE_H
#define KEEPER_KEYCACHE_H

#include "workers/keeper/sign.h"

#define KEYCACHE_KEYS 4096u
#define KEYCACHE_SLOTS (2 * KEYCACHE_KEYS)	/* half empty: probes end soon */

struct keycache {
	unsigned count;
	struct keycache_slot {
		uint8_t id[KEY_ID_BYTES];
		struct sign_key *key;	/* owned; NULL: slot free */
	} slots[KEYCACHE_SLOTS];
};

/* All zero is an empty cache. */
struct sign_key *keycache_find(const struct keycache *c, const uint8_t id[KEY_ID_BYTES]);
/* Takes a key that is not in it; the others may go. */
void keycache_put(struct keycache *c, const uint8_t id[KEY_ID_BYTES], struct sign_key *key);
void keycache_clear(struct keycache *c);

#endif
