/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private keys (DER) by key id in one memfd with its index. It is filled, then
 * finished: sorted, sealed and mapped for reading. Keeper and servers share
 * its pages; they are left out of core dumps and, where the limit on locked
 * memory allows, never swapped. Knows no crypto library.
 */
#ifndef KEEPER_KEYSTORE_H
#define KEEPER_KEYSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/numbers.h"

struct keystore;

/* An empty one to be filled; NULL with errno set. */
struct keystore *keystore_new(void);
/* Unmaps; the pages go when the last process that has them lets go. */
void keystore_free(struct keystore *ks);

/* While filling. Copies; file: the number of the one it came from. Returns 0 or a negative errno. */
int keystore_add(struct keystore *ks, uint32_t file, const uint8_t id[KEY_ID_BYTES], const void *der, size_t size);
/* Adds all of a finished one but what came from files that are gone, which are sorted. 0 or a negative errno. */
int keystore_add_all(struct keystore *ks, const struct keystore *from, const struct numbers *gone);
/* Forgets those added after the first n. */
void keystore_truncate(struct keystore *ks, size_t n);
/*
 * Ends the filling: of keys with the same id of one file one remains. Returns 0 or a
 * negative errno, after which it can only be freed.
 */
int keystore_finish(struct keystore *ks);

/* Keys in it, sorted by id once finished. */
size_t keystore_count(const struct keystore *ks);

/* When finished: the sealed memfd, lent, for keystore_open() in a server. */
int keystore_fd(const struct keystore *ks);
bool keystore_is_locked(const struct keystore *ks);
/* Key ids from number `first` on, at most n; returns how many were copied. */
size_t keystore_ids(const struct keystore *ks, size_t first, size_t n, uint8_t *out);
/* The key's DER, which lives as long as the store, or NULL. */
const uint8_t *keystore_find(const struct keystore *ks, const uint8_t id[KEY_ID_BYTES], size_t *size);

/*
 * Takes the descriptor of a finished store and maps it. Checks seals and every
 * bound. NULL with errno set; fd is closed in any case when it goes.
 */
struct keystore *keystore_open(int fd);

#endif
