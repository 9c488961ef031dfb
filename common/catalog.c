/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading of catalog segments. All is checked at load, so look-ups are bare. */
#include "common/catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memfd.h"
#include "common/names.h"

struct catalog_segment {
	const uint8_t *data;
	size_t size;
	unsigned refs;
	bool checked;		/* all of it */
	dev_t dev;		/* which memfd it is: while it is mapped no other gets the number */
	ino_t ino;
};

/* FNV-1a, 64 bits. */
uint64_t catalog_hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 0x100000001b3ull;
	return h ? h : 1;
}

static bool inside(size_t size, uint64_t off, uint64_t n, uint64_t align)
{
	return off >= sizeof(struct catalog_head) && off % align == 0 && off <= size && n <= size - off;
}

/* A string of fewer than limit bytes that ends within the segment. */
static bool string_is_good(const uint8_t *data, size_t size, uint32_t off, size_t limit)
{
	if (!inside(size, off, 1, 1))
		return false;
	return memchr(data + off, 0, size - off < limit ? size - off : limit) != NULL;
}

static bool link_is_good(const uint8_t *data, size_t size, const struct catalog_link *l)
{
	return l->size > 0 && inside(size, l->off, l->size, 1) && string_is_good(data, size, l->name_off, CATALOG_TEXT_MAX + 1);
}

static bool chain_is_good(const uint8_t *data, size_t size, uint32_t off)
{
	if (!inside(size, off, sizeof(struct catalog_chain), _Alignof(struct catalog_chain)))
		return false;
	const struct catalog_chain *c = (const void *)(data + off);
	if (c->links_n > CATALOG_LINKS_MAX ||
	    !inside(size, off, sizeof *c + c->links_n * sizeof c->links[0], _Alignof(struct catalog_chain)))
		return false;
	for (uint32_t i = 0; i < c->links_n; i++)
		if (!link_is_good(data, size, &c->links[i]))
			return false;
	return string_is_good(data, size, c->missing_off, CATALOG_TEXT_MAX + 1) &&
		string_is_good(data, size, c->url_off, CATALOG_TEXT_MAX + 1);
}

static bool chains_are_good(const uint8_t *data, size_t size, const struct catalog_entry *e)
{
	if (e->chains_n < 1 || e->chains_n > CATALOG_CHAINS_MAX)
		return false;
	for (uint32_t i = 0; i < e->chains_n; i++)
		if (!chain_is_good(data, size, e->chain_off[i]))
			return false;
	return true;
}

static bool staple_is_good(const uint8_t *data, size_t size, uint32_t off)
{
	if (!inside(size, off, sizeof(struct catalog_staple), _Alignof(struct catalog_staple)))
		return false;
	const struct catalog_staple *s = (const void *)(data + off);
	if (s->size > 0 && (s->size > CATALOG_STAPLE_MAX || !inside(size, s->off, s->size, 1)))
		return false;
	return string_is_good(data, size, s->url_off, CATALOG_TEXT_MAX + 1);
}

static bool entry_is_good(const uint8_t *data, size_t size, uint32_t off)
{
	if (!inside(size, off, sizeof(struct catalog_entry), _Alignof(struct catalog_entry)))
		return false;
	const struct catalog_entry *e = (const void *)(data + off);
	if (e->key > CATALOG_ED25519 || e->cert_size == 0 || !inside(size, e->cert_off, e->cert_size, 1))
		return false;
	if (e->spki_at > e->cert_size || e->spki_size > e->cert_size - e->spki_at)
		return false;
	if (e->staple_off && !staple_is_good(data, size, e->staple_off))
		return false;
	return chains_are_good(data, size, e) && string_is_good(data, size, e->name_off, NAME_BYTES) &&
		string_is_good(data, size, e->source_off, MSG_PATH_MAX + 1);
}

static bool entries_are_good(const uint8_t *data, size_t size, uint32_t off)
{
	if (!inside(size, off, sizeof(uint32_t), sizeof(uint32_t)))
		return false;
	const uint32_t *list = (const void *)(data + off);
	if (list[0] > CATALOG_ENTRIES_MAX || !inside(size, off, (1 + list[0]) * sizeof *list, sizeof *list))
		return false;
	for (uint32_t i = 1; i <= list[0]; i++)
		if (!entry_is_good(data, size, list[i]))
			return false;
	return true;
}

static bool slot_is_good(const uint8_t *data, size_t size, const struct catalog_slot *slot)
{
	char name[NAME_BYTES];

	if (!string_is_good(data, size, slot->name_off, NAME_BYTES))
		return false;
	const char *stored = (const char *)data + slot->name_off;
	if (!name_normalize(stored, strlen(stored), true, name) || strcmp(name, stored) != 0)
		return false;
	return slot->hash == catalog_hash(stored) && entries_are_good(data, size, slot->entries_off);
}

static bool head_is_good(const void *data, size_t size)
{
	const struct catalog_head *head = data;

	if (size < sizeof *head || head->magic != CATALOG_MAGIC || head->size != size)
		return false;
	return head->slots_n > 0 && (head->slots_n & (head->slots_n - 1)) == 0 &&
		inside(size, head->slots_off, (uint64_t)head->slots_n * sizeof(struct catalog_slot), _Alignof(struct catalog_slot));
}

static const struct catalog_slot *slots_in(const void *data)
{
	const struct catalog_head *head = data;

	return (const void *)((const uint8_t *)data + head->slots_off);
}

int catalog_check(const void *data, size_t size)
{
	const struct catalog_head *head = data;
	uint32_t names = 0;

	if (!head_is_good(data, size))
		return -EINVAL;
	const struct catalog_slot *slots = slots_in(data);
	for (uint32_t i = 0; i < head->slots_n; i++) {
		if (slots[i].hash == 0)
			continue;
		if (!slot_is_good(data, size, &slots[i]))
			return -EINVAL;
		names++;
	}
	/* Half empty, or looking for what is not there would cost a walk. */
	return names == head->names_n && names <= head->slots_n / 2 ? 0 : -EINVAL;
}

static struct catalog_segment *find_mapped(const struct catalog *c, const struct stat *st, bool check)
{
	for (int i = 0; i < c->n; i++) {
		struct catalog_segment *s = c->segments[i];
		if (s->dev == st->st_dev && s->ino == st->st_ino && (s->checked || !check))
			return s;
	}
	return NULL;
}

static int segment_open(const struct catalog *have, int fd, bool check, struct catalog_segment **out)
{
	struct stat st;
	size_t size;

	if (fstat(fd, &st) < 0)
		return -errno;
	struct catalog_segment *mapped = find_mapped(have, &st, check);
	if (mapped) {
		*out = catalog_ref(mapped);
		return 0;
	}
	const void *data = memfd_map_sealed(fd, CATALOG_SEGMENT_BYTES_MAX, &size);

	if (!data)
		return -errno;
	int rc = check ? catalog_check(data, size) : head_is_good(data, size) ? 0 : -EINVAL;
	struct catalog_segment *s = rc == 0 ? malloc(sizeof *s) : NULL;
	if (!s) {
		munmap((void *)(uintptr_t)data, size);
		return rc ? rc : -ENOMEM;
	}
	*s = (struct catalog_segment){ .data = data, .size = size, .refs = 1, .checked = check,
		.dev = st.st_dev, .ino = st.st_ino };
	*out = s;
	return 0;
}

struct catalog_segment *catalog_ref(struct catalog_segment *s)
{
	s->refs++;
	return s;
}

void catalog_unref(struct catalog_segment *s)
{
	if (!s || --s->refs > 0)
		return;
	munmap((void *)(uintptr_t)s->data, s->size);
	free(s);
}

void catalog_init(struct catalog *c)
{
	*c = (struct catalog){ 0 };
}

void catalog_clear(struct catalog *c)
{
	for (int i = 0; i < c->n; i++)
		catalog_unref(c->segments[i]);
	catalog_init(c);
}

void catalog_share(struct catalog *to, const struct catalog *from)
{
	*to = *from;
	for (int i = 0; i < to->n; i++)
		catalog_ref(to->segments[i]);
}

bool catalog_has(const struct catalog *c, const struct catalog_segment *s)
{
	for (int i = 0; i < c->n; i++)
		if (c->segments[i] == s)
			return true;
	return false;
}

static int load(struct catalog *c, uint32_t generation, const int *fds, int n, bool check)
{
	struct catalog fresh = { .generation = generation };
	int rc = n > CATALOG_SEGMENTS_MAX ? -E2BIG : 0;

	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = segment_open(c, fds[i], check, &fresh.segments[fresh.n]);
		if (rc == 0)
			fresh.n++;
		close(fds[i]);
	}
	if (rc < 0) {
		catalog_clear(&fresh);
		return rc;
	}
	catalog_clear(c);
	*c = fresh;
	return 0;
}

int catalog_load(struct catalog *c, uint32_t generation, const int *fds, int n)
{
	return load(c, generation, fds, n, true);
}

int catalog_open(struct catalog *c, uint32_t generation, const int *fds, int n)
{
	return load(c, generation, fds, n, false);
}

/* To be asked before anything in a slot is used. */
static bool slot_is_usable(const struct catalog_segment *s, const struct catalog_slot *slot)
{
	return slot->hash != 0 && (s->checked || slot_is_good(s->data, s->size, slot));
}

/* Linear probing. */
static const struct catalog_slot *segment_find(const struct catalog_segment *s, const char *name, uint64_t hash)
{
	const struct catalog_head *head = (const void *)s->data;
	const struct catalog_slot *slots = slots_in(head);
	uint32_t mask = head->slots_n - 1;

	for (uint32_t i = 0; i <= mask; i++) {
		const struct catalog_slot *slot = &slots[(hash + i) & mask];
		if (slot->hash == 0)
			return NULL;
		if (slot->hash == hash && slot_is_usable(s, slot) && strcmp((const char *)s->data + slot->name_off, name) == 0)
			return slot;
	}
	return NULL;
}

static bool fill(struct catalog_segment *s, const struct catalog_slot *slot, struct catalog_found *out)
{
	const uint32_t *list = (const void *)(s->data + slot->entries_off);

	for (uint32_t i = 0; i < list[0]; i++)
		out->entries[i] = (const void *)(s->data + list[1 + i]);
	out->n = (int)list[0];
	out->segment = out->n > 0 ? s : NULL;
	return out->n > 0;
}

/* The newest segment that knows the name decides, also with "no more". */
static bool find_as_stored(const struct catalog *c, const char *name, struct catalog_found *out)
{
	uint64_t hash = catalog_hash(name);

	for (int i = 0; i < c->n; i++) {
		const struct catalog_slot *slot = segment_find(c->segments[i], name, hash);
		if (slot)
			return fill(c->segments[i], slot, out);
	}
	return false;
}

bool catalog_find(const struct catalog *c, const char *name, struct catalog_found *out)
{
	char wild[NAME_BYTES];

	out->n = 0;
	out->segment = NULL;
	if (name[0] == '*')
		return false;
	if (find_as_stored(c, name, out))
		return true;
	return name_wildcard(name, wild) && find_as_stored(c, wild, out);
}

uint32_t catalog_slots(const struct catalog *c, int segment)
{
	return catalog_segment_slots(c->segments[segment]);
}

uint32_t catalog_segment_slots(const struct catalog_segment *s)
{
	return ((const struct catalog_head *)(const void *)s->data)->slots_n;
}

const char *catalog_segment_name(const struct catalog_segment *s, uint32_t slot)
{
	const struct catalog_slot *at = &slots_in(s->data)[slot];

	return slot_is_usable(s, at) ? (const char *)s->data + at->name_off : NULL;
}

bool catalog_slot(const struct catalog *c, int segment, uint32_t slot, const char **name, struct catalog_found *out)
{
	struct catalog_segment *s = c->segments[segment];
	const struct catalog_slot *at = &slots_in(s->data)[slot];

	out->n = 0;
	if (!slot_is_usable(s, at))
		return false;
	*name = (const char *)s->data + at->name_off;
	for (int i = 0; i < segment; i++)
		if (segment_find(c->segments[i], *name, at->hash))
			return false;
	return fill(s, at, out);
}

uint64_t catalog_segment_bytes(const struct catalog_segment *s)
{
	return s->size;
}

const struct catalog_entry *catalog_entry(const struct catalog_segment *s, uint32_t off)
{
	return entry_is_good(s->data, s->size, off) ? (const void *)(s->data + off) : NULL;
}

const uint32_t *catalog_names(const struct catalog_segment *s, const struct catalog_entry *e, uint32_t *n)
{
	if (!inside(s->size, e->names_off, sizeof(uint32_t), sizeof(uint32_t)))
		return NULL;
	const uint32_t *list = (const void *)(s->data + e->names_off);
	*n = list[0];
	if (*n > CATALOG_NAMES_MAX || !inside(s->size, e->names_off, (1 + *n) * sizeof *list, sizeof *list))
		return NULL;
	for (uint32_t i = 1; i <= *n; i++)
		if (!string_is_good(s->data, s->size, list[i], NAME_BYTES))
			return NULL;
	return list + 1;
}

const struct catalog_link *catalog_others(const struct catalog_segment *s, const struct catalog_entry *e, uint32_t *n)
{
	static const struct catalog_link none;

	*n = 0;
	if (e->others_off == 0)
		return &none;
	if (!inside(s->size, e->others_off, sizeof(uint32_t), sizeof(uint32_t)))
		return NULL;
	const uint32_t *count = (const void *)(s->data + e->others_off);
	const struct catalog_link *list = (const void *)(count + 1);
	*n = *count;
	if (*n > CATALOG_OTHERS_MAX || !inside(s->size, e->others_off, sizeof *count + *n * sizeof *list, sizeof *count))
		return NULL;
	for (uint32_t i = 0; i < *n; i++)
		if (list[i].size == 0 || !inside(s->size, list[i].off, list[i].size, 1))
			return NULL;
	return list;
}

const uint8_t *catalog_bytes(const struct catalog_segment *s, uint32_t off, uint32_t size)
{
	return inside(s->size, off, size, 1) ? s->data + off : NULL;
}

const char *catalog_text(const struct catalog_segment *s, uint32_t off)
{
	return (const char *)s->data + off;
}

const char *catalog_source(const struct catalog_segment *s, const struct catalog_entry *e)
{
	return catalog_text(s, e->source_off);
}

const struct catalog_chain *catalog_chain(const struct catalog_segment *s, const struct catalog_entry *e, uint32_t i)
{
	return (const void *)(s->data + e->chain_off[i]);
}

const struct catalog_staple *catalog_staple(const struct catalog_segment *s, const struct catalog_entry *e)
{
	return e->staple_off ? (const void *)(s->data + e->staple_off) : NULL;
}

bool catalog_has_staple(const struct catalog_segment *s, const struct catalog_entry *e, int64_t now)
{
	const struct catalog_staple *staple = catalog_staple(s, e);

	return staple && staple->size > 0 && now < staple->until;
}
