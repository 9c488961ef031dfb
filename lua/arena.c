/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two-level segregated free lists with coalescing: every operation takes
 * constant time, and a state that lives for months does not fragment.
 */
#include "lua/arena.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define UNIT 8u
#define HEADER 8u
#define FREE 1u			/* in size */
#define SMALL_BINS 64u		/* one for each multiple of UNIT below 512 */
#define STEPS 8u		/* bins per doubling above */
#define BINS (SMALL_BINS + STEPS * 22)
#define MIN_BLOCK 16u
#define SAME_BIN_TRIES 8

/* Sizes and places are in bytes, with the header, from the start of the arena. */
struct block {
	uint32_t size;		/* and FREE */
	uint32_t before;	/* size of the block before; 0: this is the first */
	uint32_t next, prev;	/* of a free block: its neighbours in the bin; 0: none */
};

struct arena {
	size_t size;
	size_t used;
	uint64_t map[(BINS + 63) / 64];	/* bins that are not empty */
	uint32_t bins[BINS];
};

static struct block *at(struct arena *a, uint32_t place) { return (struct block *)((char *)a + place); }
static uint32_t place_of(struct arena *a, const void *b) { return (uint32_t)((const char *)b - (const char *)a); }
static uint32_t size_of(const struct block *b) { return b->size & ~FREE; }

static uint32_t bin_of(uint32_t size)
{
	if (size < SMALL_BINS * UNIT)
		return size / UNIT;
	uint32_t log = 31u - (uint32_t)__builtin_clz(size);	/* 9 and more */
	return SMALL_BINS + (log - 9) * STEPS + ((size >> (log - 3)) & (STEPS - 1));
}

static void bin_add(struct arena *a, struct block *b)
{
	uint32_t bin = bin_of(size_of(b)), place = place_of(a, b);

	b->size |= FREE;
	b->prev = 0;
	b->next = a->bins[bin];
	if (b->next)
		at(a, b->next)->prev = place;
	a->bins[bin] = place;
	a->map[bin / 64] |= 1ull << bin % 64;
}

static void bin_remove(struct arena *a, struct block *b)
{
	uint32_t bin = bin_of(size_of(b));

	if (b->prev)
		at(a, b->prev)->next = b->next;
	else
		a->bins[bin] = b->next;
	if (b->next)
		at(a, b->next)->prev = b->prev;
	if (!a->bins[bin])
		a->map[bin / 64] &= ~(1ull << bin % 64);
	b->size &= ~FREE;
}

/* The block behind b, or NULL at the end of the region. */
static struct block *after(struct arena *a, struct block *b)
{
	uint32_t place = place_of(a, b) + size_of(b);

	return place < a->size ? at(a, place) : NULL;
}

static void set_size(struct arena *a, struct block *b, uint32_t size)
{
	b->size = size;
	struct block *next = after(a, b);
	if (next)
		next->before = size;
}

/* The lowest bin from `bin` up that is not empty; BINS if there is none. */
static uint32_t next_bin(const struct arena *a, uint32_t bin)
{
	uint32_t word = bin / 64;
	uint64_t bits = bin < BINS ? a->map[word] & ~0ull << bin % 64 : 0;

	while (!bits && ++word < sizeof a->map / sizeof a->map[0])
		bits = a->map[word];
	return bits ? word * 64 + (uint32_t)__builtin_ctzll(bits) : BINS;
}

static struct block *find(struct arena *a, uint32_t size)
{
	uint32_t bin = bin_of(size), place = a->bins[bin];

	for (int i = 0; place && i < SAME_BIN_TRIES; i++, place = at(a, place)->next)
		if (size_of(at(a, place)) >= size)
			return at(a, place);
	bin = next_bin(a, bin + 1);
	return bin < BINS ? at(a, a->bins[bin]) : NULL;
}

/* Makes the rest of a block in use free if it is worth it. */
static void cut(struct arena *a, struct block *b, uint32_t size)
{
	uint32_t rest = size_of(b) - size;

	if (rest < MIN_BLOCK)
		return;
	set_size(a, b, size);
	struct block *tail = after(a, b);
	tail->before = size;
	set_size(a, tail, rest);
	struct block *next = after(a, tail);
	if (next && next->size & FREE) {
		bin_remove(a, next);
		set_size(a, tail, rest + size_of(next));
	}
	bin_add(a, tail);
}

static uint32_t block_size(const struct arena *a, size_t size)
{
	if (size > a->size)
		return 0;
	uint32_t all = (uint32_t)((size + HEADER + UNIT - 1) / UNIT * UNIT);
	return all < MIN_BLOCK ? MIN_BLOCK : all;
}

static void *take(struct arena *a, uint32_t size)
{
	struct block *b = size > 0 ? find(a, size) : NULL;

	if (!b)
		return NULL;
	bin_remove(a, b);
	cut(a, b, size);
	a->used += size_of(b);
	return (char *)b + HEADER;
}

static void give(struct arena *a, struct block *b)
{
	a->used -= size_of(b);
	struct block *next = after(a, b);
	if (next && next->size & FREE) {
		bin_remove(a, next);
		set_size(a, b, size_of(b) + size_of(next));
	}
	struct block *before = b->before ? at(a, place_of(a, b) - b->before) : NULL;
	if (before && before->size & FREE) {
		bin_remove(a, before);
		set_size(a, before, size_of(before) + size_of(b));
		b = before;
	}
	bin_add(a, b);
}

/* Grows into the free block behind, or shrinks, where it lies. */
static bool resize(struct arena *a, struct block *b, uint32_t size)
{
	struct block *next = after(a, b);
	uint32_t was = size_of(b);

	if (size > was && (!next || !(next->size & FREE) || was + size_of(next) < size))
		return false;
	if (size > was) {
		bin_remove(a, next);
		set_size(a, b, was + size_of(next));
	}
	cut(a, b, size);
	a->used = a->used - was + size_of(b);
	return true;
}

void *arena_alloc(void *data, void *old, size_t old_size, size_t size)
{
	struct arena *a = data;
	struct block *b = old ? (struct block *)((char *)old - HEADER) : NULL;

	if (size == 0) {
		if (b)
			give(a, b);
		return NULL;
	}
	uint32_t want = block_size(a, size);
	if (!b)		/* old_size tells the kind of a new object then */
		return take(a, want);
	if (want > 0 && resize(a, b, want))
		return old;
	void *moved = take(a, want);
	if (moved) {
		memcpy(moved, old, old_size < size ? old_size : size);
		give(a, b);
	}
	return moved;
}

struct arena *arena_new(size_t size)
{
	size = size / 4096 * 4096;
	if (size < ARENA_MIN || size > ARENA_MAX) {
		errno = EINVAL;
		return NULL;
	}
	struct arena *a = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (a == MAP_FAILED)
		return NULL;
	uint32_t start = (uint32_t)((sizeof *a + UNIT - 1) / UNIT * UNIT);
	a->size = size;
	struct block *all = at(a, start);
	all->size = (uint32_t)size - start;
	all->before = 0;
	bin_add(a, all);
	return a;
}

void arena_free(struct arena *a)
{
	if (a)
		munmap(a, a->size);
}

size_t arena_used(const struct arena *a) { return a->used; }
