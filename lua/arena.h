/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of one Lua state: a region of fixed size that is the cap, with
 * an allocator in it, and that is thrown away whole. Nothing of it lies
 * outside of the region, so it does not matter in which instant a state
 * was left.
 */
#ifndef LUA_ARENA_H
#define LUA_ARENA_H

#include <stddef.h>

#define ARENA_MIN ((size_t)64 << 10)
#define ARENA_MAX ((size_t)1 << 30)

struct arena;

/* An arena in a fresh region of size bytes (ARENA_MIN to ARENA_MAX); NULL with errno set. */
struct arena *arena_new(size_t size);
/* Gives back everything that was ever allocated in it. */
void arena_free(struct arena *a);
/* Bytes in use, with their headers. */
size_t arena_used(const struct arena *a);

/* A lua_Alloc; data is the arena. Blocks are aligned to 8 bytes. */
void *arena_alloc(void *data, void *old, size_t old_size, size_t size);

#endif
