/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/headcount.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memfd.h"

#define WINDOW 32u		/* slots in which an address may be */
#define SLOTS_PER_PLACE 4u
#define SLOTS_MAX (1u << 24)
#define ALIGNMENT (64u << 10)	/* of columns: a multiple of any page size in use */

struct slot {
	uint64_t key;
	uint64_t n;		/* 0: free, whatever the key */
};

struct headcount_column {
	uint64_t conns, handshakes;
	struct slot slots[];
};

static size_t column_bytes(const struct headcount_shape *s)
{
	size_t n = sizeof(struct headcount_column) + s->slots * sizeof(struct slot);

	return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* ---- making ---- */

int headcount_make(struct headcount_shape *shape, int fds[2], uint32_t columns, uint32_t places)
{
	*shape = (struct headcount_shape){ .columns = columns, .slots = WINDOW };
	while (shape->slots < places * SLOTS_PER_PLACE && shape->slots < SLOTS_MAX)
		shape->slots *= 2;
	fds[0] = fds[1] = -1;
	if (getrandom(&shape->seed, sizeof shape->seed, 0) != sizeof shape->seed)
		return -EIO;
	int fd = memfd_new("headcount", columns * column_bytes(shape));
	if (fd < 0)
		return fd;
	int rc = memfd_seal_size(fd);
	if (rc == 0)
		rc = memfd_open_for_reading(fd);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	fds[0] = fd;
	fds[1] = rc;
	return 0;
}

/* A hole reads as zeroes, and its pages are free. */
int headcount_forget(const struct headcount_shape *shape, int fd, uint32_t column)
{
	size_t n = column_bytes(shape);

	if (column >= shape->columns)
		return -EINVAL;
	int rc = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(column * n), (off_t)n);
	return rc < 0 ? -errno : 0;
}

/* ---- mapping ---- */

static bool fits(const struct headcount_shape *s, const int fds[2], uint32_t own)
{
	struct stat st[2];

	if (s->slots < WINDOW || s->slots > SLOTS_MAX || (s->slots & (s->slots - 1)) != 0 || own >= s->columns)
		return false;
	for (int i = 0; i < 2; i++)
		if (fstat(fds[i], &st[i]) < 0 || (size_t)st[i].st_size != s->columns * column_bytes(s))
			return false;
	return true;
}

int headcount_map(struct headcount *h, const struct headcount_shape *shape, const int fds[2], uint32_t own)
{
	size_t n = column_bytes(shape);

	*h = (struct headcount){ .shape = *shape };
	if (!fits(shape, fds, own))
		return -EINVAL;
	void *column = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], (off_t)(own * n));
	if (column == MAP_FAILED)
		return -errno;
	void *all = mmap(NULL, shape->columns * n, PROT_READ, MAP_SHARED, fds[1], 0);
	if (all == MAP_FAILED) {
		int err = -errno;
		munmap(column, n);
		return err;
	}
	h->own = column;
	h->all = all;
	return 0;
}

void headcount_unmap(struct headcount *h)
{
	size_t n = column_bytes(&h->shape);

	if (!h->all)
		return;
	munmap(h->own, n);
	munmap((void *)(uintptr_t)h->all, h->shape.columns * n);
	*h = (struct headcount){ 0 };
}

/* ---- counting ---- */

static uint64_t get(const uint64_t *at) { return __atomic_load_n(at, __ATOMIC_RELAXED); }
static void set(uint64_t *at, uint64_t v) { __atomic_store_n(at, v, __ATOMIC_RELAXED); }

/* False for a peer that has no such address. */
static bool key_of(const struct sockaddr *peer, uint64_t *key)
{
	const uint8_t *v4 = NULL;
	uint32_t word;

	if (peer->sa_family == AF_INET6) {
		const struct in6_addr *a = &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
		if (!IN6_IS_ADDR_V4MAPPED(a)) {
			memcpy(key, a->s6_addr, sizeof *key);
			return true;
		}
		v4 = a->s6_addr + 12;
	} else if (peer->sa_family == AF_INET) {
		v4 = (const uint8_t *)&((const struct sockaddr_in *)(const void *)peer)->sin_addr;
	} else {
		return false;
	}
	/* Beside 0000:ffff::/32, which nobody has. */
	memcpy(&word, v4, sizeof word);
	*key = 0xffff0000ull | (uint64_t)word << 32;
	return true;
}

static uint32_t first_slot(const struct headcount_shape *s, uint64_t key)
{
	uint64_t x = (key ^ s->seed) * 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 32) * (s->seed | 1);
	return (uint32_t)(x >> 32) & (s->slots - 1);
}

/* The slot that counts the key, or NULL; *room: one that could, or NULL. */
static const struct slot *find(const struct headcount *h, const struct headcount_column *c, uint64_t key,
	const struct slot **room)
{
	uint32_t at = first_slot(&h->shape, key);

	*room = NULL;
	for (uint32_t i = 0; i < WINDOW; i++) {
		const struct slot *s = &c->slots[(at + i) & (h->shape.slots - 1)];
		if (get(&s->n) == 0)
			*room = *room ? *room : s;
		else if (get(&s->key) == key)
			return s;
	}
	return NULL;
}

void headcount_enter(struct headcount *h, const struct sockaddr *peer)
{
	const struct slot *room, *found;
	uint64_t key;

	if (!h->own || !key_of(peer, &key))
		return;
	found = find(h, h->own, key, &room);
	struct slot *s = (struct slot *)(uintptr_t)(found ? found : room);
	set(&h->own->conns, h->own->conns + 1);
	if (s) {
		set(&s->key, key);
		set(&s->n, s->n + 1);
	}
	/* Seen by all others before this worker looks at what they have. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void headcount_leave(struct headcount *h, const struct sockaddr *peer)
{
	const struct slot *room;
	uint64_t key;

	if (!h->own || !key_of(peer, &key))
		return;
	struct slot *s = (struct slot *)(uintptr_t)find(h, h->own, key, &room);
	set(&h->own->conns, h->own->conns - 1);
	if (s)
		set(&s->n, s->n - 1);
}

void headcount_handshake_begins(struct headcount *h)
{
	if (!h->own)
		return;
	set(&h->own->handshakes, h->own->handshakes + 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void headcount_handshake_ends(struct headcount *h)
{
	if (h->own)
		set(&h->own->handshakes, h->own->handshakes - 1);
}

/* Another's number: however wrong it is, it takes nothing from the sum. */
static uint64_t of_other(const uint64_t *at)
{
	uint64_t v = get(at);

	return v < UINT32_MAX ? v : UINT32_MAX;
}

static const struct headcount_column *column(const struct headcount *h, uint32_t i)
{
	return (const struct headcount_column *)(const void *)(h->all + i * column_bytes(&h->shape));
}

uint64_t headcount_of(const struct headcount *h, const struct sockaddr *peer)
{
	const struct slot *room, *s;
	uint64_t key, sum = 0;

	if (!h->all || !key_of(peer, &key))
		return 0;
	for (uint32_t i = 0; i < h->shape.columns; i++) {
		const struct headcount_column *c = column(h, i);
		/* A look at an untouched column would give it memory. */
		if (get(&c->conns) > 0 && (s = find(h, c, key, &room)))
			sum += of_other(&s->n);
	}
	return sum;
}

uint64_t headcount_handshakes(const struct headcount *h)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; h->all && i < h->shape.columns; i++)
		sum += of_other(&column(h, i)->handshakes);
	return sum;
}
