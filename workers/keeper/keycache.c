/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/keeper/keycache.h"

#include <string.h>

/* An id is a hash already. The slot with the id, or the free one in its place. */
static size_t slot_of(const struct keycache *c, const uint8_t id[KEY_ID_BYTES])
{
	uint32_t hash;

	memcpy(&hash, id, sizeof hash);
	size_t i = hash % KEYCACHE_SLOTS;
	while (c->slots[i].key && memcmp(c->slots[i].id, id, KEY_ID_BYTES) != 0)
		i = (i + 1) % KEYCACHE_SLOTS;
	return i;
}

struct sign_key *keycache_find(const struct keycache *c, const uint8_t id[KEY_ID_BYTES])
{
	return c->slots[slot_of(c, id)].key;
}

void keycache_put(struct keycache *c, const uint8_t id[KEY_ID_BYTES], struct sign_key *key)
{
	if (c->count >= KEYCACHE_KEYS)
		keycache_clear(c);
	struct keycache_slot *slot = &c->slots[slot_of(c, id)];
	memcpy(slot->id, id, KEY_ID_BYTES);
	slot->key = key;
	c->count++;
}

void keycache_clear(struct keycache *c)
{
	for (size_t i = 0; i < KEYCACHE_SLOTS; i++)
		sign_key_free(c->slots[i].key);
	memset(c, 0, sizeof *c);
}
