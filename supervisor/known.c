/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/known.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "common/memfd.h"
#include "common/msg.h"

#define MAGIC 0x746c736b6e776e31ull
#define SETTLED_NS 100000000	/* a clock's tick, and more */
#define NONE UINT32_MAX

/* In the copy: the head, then each record with its path, NUL-terminated, to a multiple of 8. */
struct head {
	uint64_t magic, count;
};

struct record {
	uint64_t stamp;
	int64_t until;
	uint32_t group, number, size, unused;	/* size: of the path with its NUL */
};

/* Most that do not match are told by the hash, without a look at the file. */
struct slot {
	uint32_t hash, place;		/* NONE: free */
};

struct known {
	struct known_file *list;	/* a dropped one has no path */
	size_t places, cap, count;
	struct slot *by_path;		/* open tables of places */
	uint32_t *by_number;		/* NONE: free */
	size_t slots;			/* of each; a power of two */
	uint32_t last;
};

struct known *known_new(void)
{
	return calloc(1, sizeof(struct known));
}

void known_free(struct known *k)
{
	for (size_t i = 0; k && i < k->places; i++)
		free((char *)(size_t)k->list[i].path);
	if (k) {
		free(k->list);
		free(k->by_path);
		free(k->by_number);
	}
	free(k);
}

size_t known_count(const struct known *k) { return k->count; }
size_t known_places(const struct known *k) { return k->places; }
uint32_t known_last(const struct known *k) { return k->last; }

struct known_file *known_at(const struct known *k, size_t i)
{
	return k->list[i].path ? &k->list[i] : NULL;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 32;
}

/* By eight bytes: there are many paths, and most of each is the same. */
static uint64_t hash_bytes(uint64_t h, const void *p, size_t size)
{
	const uint8_t *at = p;
	uint64_t word;

	for (; size >= sizeof word; at += sizeof word, size -= sizeof word) {
		memcpy(&word, at, sizeof word);
		h = mix(h, word);
	}
	word = 0;
	memcpy(&word, at, size);
	return mix(h, word);
}

static uint32_t hash_of(uint32_t group, const char *path)
{
	return (uint32_t)hash_bytes(group, path, strlen(path));
}

static size_t number_slot(const struct known *k, uint32_t number)
{
	size_t at = number * 2654435761u & (k->slots - 1);

	while (k->by_number[at] != NONE && k->list[k->by_number[at]].number != number)
		at = (at + 1) & (k->slots - 1);
	return at;
}

/* Also of one that was dropped, whose path is gone: it is passed over. */
static struct slot *path_slot(const struct known *k, uint32_t hash, uint32_t group, const char *path)
{
	size_t at = hash & (k->slots - 1);

	for (; k->by_path[at].place != NONE; at = (at + 1) & (k->slots - 1)) {
		const struct known_file *f = &k->list[k->by_path[at].place];
		if (k->by_path[at].hash == hash && f->path && f->group == group && strcmp(f->path, path) == 0)
			break;
	}
	return &k->by_path[at];
}

static struct known_file *find(const struct known *k, uint32_t hash, uint32_t group, const char *path)
{
	uint32_t i = k->slots > 0 ? path_slot(k, hash, group, path)->place : NONE;

	return i == NONE ? NULL : &k->list[i];
}

struct known_file *known_find(const struct known *k, uint32_t group, const char *path)
{
	return find(k, hash_of(group, path), group, path);
}

struct known_file *known_find_number(const struct known *k, uint32_t number)
{
	uint32_t i = k->slots > 0 ? k->by_number[number_slot(k, number)] : NONE;

	return i == NONE || !k->list[i].path ? NULL : &k->list[i];
}

static void enter(struct known *k, uint32_t hash, size_t place)
{
	const struct known_file *f = &k->list[place];

	*path_slot(k, hash, f->group, f->path) = (struct slot){ hash, (uint32_t)place };
	k->by_number[number_slot(k, f->number)] = (uint32_t)place;
}

/* Those that were dropped lose their places. */
static void close_gaps(struct known *k)
{
	size_t kept = 0;

	for (size_t i = 0; i < k->places; i++)
		if (k->list[i].path)
			k->list[kept++] = k->list[i];
	k->places = kept;
}

static int rebuild(struct known *k, size_t slots)
{
	struct slot *by_path = malloc(slots * sizeof *by_path);
	uint32_t *by_number = malloc(slots * sizeof *by_number);

	if (!by_path || !by_number) {
		free(by_path);
		free(by_number);
		return -ENOMEM;
	}
	memset(by_path, 0xff, slots * sizeof *by_path);
	memset(by_number, 0xff, slots * sizeof *by_number);
	free(k->by_path);
	free(k->by_number);
	k->by_path = by_path;
	k->by_number = by_number;
	k->slots = slots;
	close_gaps(k);
	for (size_t i = 0; i < k->places; i++) {
		enter(k, hash_of(k->list[i].group, k->list[i].path), i);
	}
	return 0;
}

/* For so many in all. */
static int make_tables(struct known *k, size_t n)
{
	size_t slots = k->slots ? k->slots : 128;

	while (slots < 4 * n)
		slots *= 2;
	return rebuild(k, slots);
}

static int make_list(struct known *k, size_t cap)
{
	struct known_file *list = reallocarray(k->list, cap, sizeof *list);

	if (!list)
		return -ENOMEM;
	k->list = list;
	k->cap = cap;
	return 0;
}

static int make_room(struct known *k)
{
	int rc = 2 * (k->places + 1) > k->slots ? make_tables(k, k->count + 1) : 0;

	if (rc < 0 || k->places < k->cap)
		return rc;
	return make_list(k, k->cap ? 2 * k->cap : 64);
}

static void forget(struct known *k, struct known_file *f)
{
	free((char *)(size_t)f->path);
	f->path = NULL;
	k->count--;
}

int known_put(struct known *k, const struct known_file *f)
{
	uint32_t hash = hash_of(f->group, f->path);
	struct known_file *old = find(k, hash, f->group, f->path);
	char *path = strdup(f->path);

	if (!path)
		return -ENOMEM;
	if (old)
		forget(k, old);
	int rc = make_room(k);
	if (rc < 0) {
		free(path);
		return rc;
	}
	struct known_file *new = &k->list[k->places];
	*new = *f;
	new->path = path;
	enter(k, hash, k->places++);
	k->count++;
	k->last = f->number > k->last ? f->number : k->last;
	return 0;
}

void known_drop(struct known *k, uint32_t number)
{
	struct known_file *f = known_find_number(k, number);

	if (f)
		forget(k, f);
}

/* ---- a copy ---- */

static size_t record_bytes(const struct known_file *f)
{
	return sizeof(struct record) + (strlen(f->path) + 1 + 7) / 8 * 8;
}

static void put_record(uint8_t *at, const struct known_file *f)
{
	struct record r = { .stamp = f->stamp, .until = f->until, .group = f->group, .number = f->number,
		.size = (uint32_t)strlen(f->path) + 1 };

	memcpy(at, &r, sizeof r);
	memcpy(at + sizeof r, f->path, r.size);
}

static size_t copy_bytes(const struct known *k)
{
	size_t size = sizeof(struct head);

	for (size_t i = 0; i < k->places; i++)
		size += known_at(k, i) ? record_bytes(&k->list[i]) : 0;
	return size;
}

/* There may be many: they are put where they are to lie. */
static int fill(const struct known *k, int fd, size_t size)
{
	struct head head = { MAGIC, k->count };
	uint8_t *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *at = data;

	if (data == MAP_FAILED)
		return -errno;
	memcpy(at, &head, sizeof head);
	at += sizeof head;
	for (size_t i = 0; i < k->places; i++) {
		if (!known_at(k, i))
			continue;
		put_record(at, &k->list[i]);
		at += record_bytes(&k->list[i]);
	}
	munmap(data, size);
	return 0;
}

int known_write(const struct known *k)
{
	size_t size = copy_bytes(k);
	int fd = memfd_new("files", size);

	if (fd < 0)
		return fd;
	int rc = fill(k, fd, size);
	if (rc == 0)
		rc = memfd_seal_all(fd);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

/* Returns how many bytes it has taken; 0: it is bad. */
static size_t take_record(struct known *k, const uint8_t *at, size_t left)
{
	struct record r;

	if (left < sizeof r)
		return 0;
	memcpy(&r, at, sizeof r);
	const char *path = (const char *)at + sizeof r;
	size_t padded = ((size_t)r.size + 7) / 8 * 8;
	if (r.size < 2 || r.size > MSG_PATH_MAX + 1 || padded > left - sizeof r || memchr(path, 0, r.size) != path + r.size - 1)
		return 0;
	struct known_file f = { .group = r.group, .number = r.number, .stamp = r.stamp, .until = r.until, .path = path };
	if (r.group == 0 || r.number == 0 || known_find_number(k, r.number) || known_put(k, &f) < 0)
		return 0;
	return sizeof r + padded;
}

static bool take_all(struct known *k, const uint8_t *data, size_t size)
{
	struct head head;
	size_t at = sizeof head, n = 1;

	if (size < sizeof head)
		return false;
	memcpy(&head, data, sizeof head);
	if (head.magic != MAGIC || head.count > size / sizeof(struct record))
		return false;
	/* Growing as they come would put each in its place three times. */
	if (make_tables(k, head.count + 1) < 0 || make_list(k, head.count + 1) < 0)
		return false;
	while (at < size && n > 0) {
		n = take_record(k, data + at, size - at);
		at += n;
	}
	return at == size && k->count == head.count;
}

struct known *known_read(int fd)
{
	size_t size = 0;
	const void *data = memfd_map_sealed(fd, KNOWN_BYTES_MAX, &size);
	struct known *k = data ? known_new() : NULL;

	close(fd);
	if (k && !take_all(k, data, size)) {
		known_free(k);
		k = NULL;
		errno = EINVAL;
	}
	if (data)
		munmap((void *)(size_t)data, size);
	return k;
}

/* ---- stamps ---- */

static int64_t ns_of(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

uint64_t known_stamp(const struct stat *st)
{
	int64_t mtime = ns_of(&st->st_mtim), ctime = ns_of(&st->st_ctim);
	uint64_t facts[5] = { st->st_dev, st->st_ino, (uint64_t)st->st_size, (uint64_t)mtime, (uint64_t)ctime };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	/* One that is written again within the same tick of the clock would look the same; so would one of the future. */
	if (ns_of(&now) - mtime < SETTLED_NS || ns_of(&now) - ctime < SETTLED_NS)
		return 0;
	uint64_t stamp = hash_bytes(0, facts, sizeof facts);
	return stamp ? stamp : 1;
}

bool known_is_fresh(const struct known_file *f, const struct stat *st, int64_t now)
{
	return f->stamp != 0 && now < f->until && known_stamp(st) == f->stamp;
}
