/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/keeper/keystore.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/memfd.h"

#define STORE_MAGIC 0x746c736b65797332ull
#define STORE_LIMIT ((size_t)1 << 30)	/* a million keys of RSA-2048, nearly */
#define STAGE_BYTES ((size_t)64 << 10)	/* keys that are written together */

/* In the memfd: the head, the keys one after the other, the index. */
struct store_head {
	uint64_t magic, count, index_offset;
};

struct store_entry {
	uint8_t id[KEY_ID_BYTES];
	uint64_t offset;
	uint32_t size, file;
};

struct keystore {
	int fd;
	struct store_entry *filling;	/* until finished */
	size_t room;			/* entries that fit in filling */
	size_t used;			/* bytes of the memfd, with those that are staged, until finished */
	uint8_t *stage;			/* the last `staged` of them, not written yet; until finished */
	size_t staged;
	size_t count;
	const uint8_t *map;		/* NULL until finished */
	size_t map_size;
	const struct store_entry *index;	/* in map */
	bool locked;
};

struct keystore *keystore_new(void)
{
	struct keystore *ks = calloc(1, sizeof *ks);

	if (!ks)
		return NULL;
	ks->used = sizeof(struct store_head);
	ks->fd = memfd_new("keys", ks->used);
	ks->stage = ks->fd < 0 ? NULL : malloc(STAGE_BYTES);
	if (ks->stage)
		return ks;
	int err = ks->fd < 0 ? -ks->fd : ENOMEM;
	keystore_free(ks);
	errno = err;
	return NULL;
}

static void drop_stage(struct keystore *ks)
{
	if (ks->stage)
		explicit_bzero(ks->stage, STAGE_BYTES);
	free(ks->stage);
	ks->stage = NULL;
	ks->staged = 0;
}

void keystore_free(struct keystore *ks)
{
	if (!ks)
		return;
	drop_stage(ks);
	if (ks->map)
		munmap((void *)(size_t)ks->map, ks->map_size);
	if (ks->fd >= 0)
		close(ks->fd);
	free(ks->filling);
	free(ks);
}

static int make_room(struct keystore *ks)
{
	if (ks->count < ks->room)
		return 0;
	size_t room = ks->room ? 2 * ks->room : 64;
	struct store_entry *more = reallocarray(ks->filling, room, sizeof *more);
	if (!more)
		return -ENOMEM;
	ks->filling = more;
	ks->room = room;
	return 0;
}

static int write_stage(struct keystore *ks)
{
	int rc = memfd_write(ks->fd, ks->used - ks->staged, ks->stage, ks->staged);

	if (rc == 0)
		ks->staged = 0;
	return rc;
}

/* There may be many, and a call for each would take longer than reading it. */
static int put(struct keystore *ks, const void *der, size_t size)
{
	int rc = size > STAGE_BYTES - ks->staged ? write_stage(ks) : 0;

	if (rc < 0)
		return rc;
	if (size > STAGE_BYTES)
		return memfd_write(ks->fd, ks->used, der, size);
	memcpy(ks->stage + ks->staged, der, size);
	ks->staged += size;
	return 0;
}

int keystore_add(struct keystore *ks, uint32_t file, const uint8_t id[KEY_ID_BYTES], const void *der, size_t size)
{
	if (ks->map)
		return -EPERM;
	if (size == 0 || size > STORE_LIMIT || ks->used + size > STORE_LIMIT)
		return -EFBIG;
	int rc = make_room(ks);
	if (rc == 0)
		rc = put(ks, der, size);
	if (rc < 0)
		return rc;
	struct store_entry *e = &ks->filling[ks->count++];
	memcpy(e->id, id, sizeof e->id);
	e->offset = ks->used;
	e->size = (uint32_t)size;
	e->file = file;
	ks->used += size;
	return 0;
}

int keystore_add_all(struct keystore *ks, const struct keystore *from, const struct numbers *gone)
{
	int rc = 0;

	for (size_t i = 0; i < from->count && rc == 0; i++) {
		const struct store_entry *e = &from->index[i];
		if (!numbers_has(gone, e->file))
			rc = keystore_add(ks, e->file, e->id, from->map + e->offset, e->size);
	}
	return rc;
}

/* What lies behind is written over by the next key, or cut off at the end. */
void keystore_truncate(struct keystore *ks, size_t n)
{
	if (ks->map || n >= ks->count)
		return;
	size_t forgotten = ks->used - ks->filling[n].offset;
	ks->staged = ks->staged > forgotten ? ks->staged - forgotten : 0;
	ks->used = ks->filling[n].offset;
	ks->count = n;
}

static uint64_t front(const uint8_t id[KEY_ID_BYTES])
{
	uint64_t n;

	memcpy(&n, id, sizeof n);
	return be64toh(n);
}

/* In the order of memcmp(); their fronts nearly always tell. */
static int by_id(const void *a, const void *b)
{
	const struct store_entry *x = a, *y = b;
	uint64_t of_x = front(x->id), of_y = front(y->id);

	if (of_x != of_y)
		return of_x < of_y ? -1 : 1;
	return memcmp(x->id, y->id, sizeof x->id);
}

static int by_id_and_file(const void *a, const void *b)
{
	const struct store_entry *x = a, *y = b;
	int rc = by_id(a, b);

	return rc ? rc : x->file < y->file ? -1 : x->file > y->file;
}

static void sort_and_drop_doubles(struct keystore *ks)
{
	size_t kept = 0;

	if (ks->count == 0)
		return;
	qsort(ks->filling, ks->count, sizeof *ks->filling, by_id_and_file);
	for (size_t i = 1; i < ks->count; i++)
		if (by_id_and_file(&ks->filling[kept], &ks->filling[i]) != 0)
			ks->filling[++kept] = ks->filling[i];
	ks->count = kept + 1;
}

static int write_index(struct keystore *ks)
{
	size_t align = _Alignof(struct store_entry), bytes = ks->count * sizeof *ks->filling;
	struct store_head head = { STORE_MAGIC, ks->count, (ks->used + align - 1) / align * align };

	if (ftruncate(ks->fd, (off_t)(head.index_offset + bytes)) < 0)
		return -errno;
	int rc = memfd_write(ks->fd, head.index_offset, ks->filling, bytes);
	return rc < 0 ? rc : memfd_write(ks->fd, 0, &head, sizeof head);
}

static bool bounds_hold(const struct keystore *ks, const struct store_head *head)
{
	size_t room = ks->map_size;

	if (room < sizeof *head || head->magic != STORE_MAGIC || head->index_offset > room ||
	    head->index_offset % _Alignof(struct store_entry) != 0 ||
	    head->count > (room - head->index_offset) / sizeof(struct store_entry))
		return false;
	const struct store_entry *index = (const void *)(ks->map + head->index_offset);
	for (size_t i = 0; i < head->count; i++)
		if (index[i].offset > room || index[i].size > room - index[i].offset)
			return false;
	return true;
}

/* The limit on locked memory may be lower: then keys can be swapped out. */
static int map_store(struct keystore *ks)
{
	ks->map = memfd_map_sealed(ks->fd, 2 * STORE_LIMIT, &ks->map_size);
	if (!ks->map)
		return -errno;
	const struct store_head *head = (const void *)ks->map;
	if (!bounds_hold(ks, head))
		return -EINVAL;
	ks->index = (const void *)(ks->map + head->index_offset);
	ks->count = head->count;
	madvise((void *)(size_t)ks->map, ks->map_size, MADV_DONTDUMP);
	ks->locked = mlock(ks->map, ks->map_size) == 0;
	return 0;
}

int keystore_finish(struct keystore *ks)
{
	if (ks->map)
		return -EPERM;
	sort_and_drop_doubles(ks);
	int rc = write_stage(ks);
	drop_stage(ks);
	if (rc == 0)
		rc = write_index(ks);
	if (rc == 0)
		rc = memfd_seal_all(ks->fd);
	if (rc == 0)
		rc = map_store(ks);
	free(ks->filling);
	ks->filling = NULL;
	ks->room = 0;
	return rc;
}

struct keystore *keystore_open(int fd)
{
	struct keystore *ks = calloc(1, sizeof *ks);

	if (!ks) {
		close(fd);
		return NULL;
	}
	ks->fd = fd;
	int rc = map_store(ks);
	if (rc == 0)
		return ks;
	keystore_free(ks);
	errno = -rc;
	return NULL;
}

size_t keystore_count(const struct keystore *ks) { return ks->count; }
int keystore_fd(const struct keystore *ks) { return ks->fd; }
bool keystore_is_locked(const struct keystore *ks) { return ks->locked; }

size_t keystore_ids(const struct keystore *ks, size_t first, size_t n, uint8_t *out)
{
	size_t copied = 0;

	for (; copied < n && first + copied < ks->count; copied++)
		memcpy(out + copied * KEY_ID_BYTES, ks->index[first + copied].id, KEY_ID_BYTES);
	return copied;
}

const uint8_t *keystore_find(const struct keystore *ks, const uint8_t id[KEY_ID_BYTES], size_t *size)
{
	struct store_entry wanted;

	if (!ks->index || ks->count == 0)
		return NULL;
	memcpy(wanted.id, id, sizeof wanted.id);
	const struct store_entry *e = bsearch(&wanted, ks->index, ks->count, sizeof *e, by_id);
	if (!e)
		return NULL;
	*size = e->size;
	return ks->map + e->offset;
}
