/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "workers/librarian/segment_inside.h"

struct segment *segment_new(void)
{
	return calloc(1, sizeof(struct segment));
}

void segment_free(struct segment *s)
{
	if (!s)
		return;
	free(s->bytes);
	free(s->items);
	free(s->claims);
	free(s->seen);
	free(s->seen_size);
	free(s);
}

/* Room for one more of an array. */
static int grow(void **array, size_t *cap, size_t need, size_t each)
{
	if (need <= *cap)
		return 0;
	size_t more = *cap ? *cap * 2 : 64;
	while (more < need)
		more *= 2;
	void *p = reallocarray(*array, more, each);
	if (!p)
		return -ENOMEM;
	*array = p;
	*cap = more;
	return 0;
}

static uint64_t hash_bytes(const uint8_t *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h;
}

const uint8_t *segment_at(const struct segment *s, uint32_t off)
{
	return s->bytes + (off - BYTES_AT);
}

/* The place of equal bytes in the table, or the free one where they belong. */
static size_t seen_place(const struct segment *s, const uint8_t *p, size_t n, size_t align)
{
	size_t at = hash_bytes(p, n) & (s->seen_cap - 1);

	while (s->seen[at] && (s->seen_size[at] != n || s->seen[at] % align != 0 || memcmp(segment_at(s, s->seen[at]), p, n) != 0))
		at = (at + 1) & (s->seen_cap - 1);
	return at;
}

static int seen_grow(struct segment *s)
{
	struct segment bigger = *s;

	if (s->seen_cap > 0 && s->seen_n * 2 < s->seen_cap)
		return 0;
	bigger.seen_cap = s->seen_cap ? s->seen_cap * 2 : 256;
	bigger.seen = calloc(bigger.seen_cap, sizeof *s->seen);
	bigger.seen_size = calloc(bigger.seen_cap, sizeof *s->seen_size);
	if (!bigger.seen || !bigger.seen_size) {
		free(bigger.seen);
		free(bigger.seen_size);
		return -ENOMEM;
	}
	for (size_t i = 0; i < s->seen_cap; i++) {
		if (!s->seen[i])
			continue;
		size_t at = seen_place(&bigger, segment_at(s, s->seen[i]), s->seen_size[i], 1);
		bigger.seen[at] = s->seen[i];
		bigger.seen_size[at] = s->seen_size[i];
	}
	free(s->seen);
	free(s->seen_size);
	*s = bigger;
	return 0;
}

/* Appends bytes; *off gets where. */
static int append(struct segment *s, const void *p, size_t n, size_t align, uint32_t *off)
{
	size_t start = (s->size + align - 1) & ~(align - 1);

	/* Half of what offsets reach is left for the tables. */
	if (start + n > CATALOG_SEGMENT_BYTES_MAX / 2)
		return -EFBIG;
	int rc = grow((void **)&s->bytes, &s->cap, start + n, 1);
	if (rc < 0)
		return rc;
	memset(s->bytes + s->size, 0, start - s->size);
	memcpy(s->bytes + start, p, n);
	s->size = start + n;
	*off = BYTES_AT + (uint32_t)start;
	return 0;
}

/* Stores bytes once, at a multiple of align; *off gets where. */
static int store_aligned(struct segment *s, const void *p, size_t n, size_t align, uint32_t *off)
{
	int rc = seen_grow(s);

	if (rc < 0)
		return rc;
	size_t at = seen_place(s, p, n, align);
	if (s->seen[at]) {
		*off = s->seen[at];
		return 0;
	}
	rc = append(s, p, n, align, off);
	if (rc < 0)
		return rc;
	s->seen[at] = *off;
	s->seen_size[at] = (uint32_t)n;
	s->seen_n++;
	return 0;
}

static int store(struct segment *s, const void *p, size_t n, uint32_t *off)
{
	return store_aligned(s, p, n, 1, off);
}

static int store_text(struct segment *s, const char *text, uint32_t *off)
{
	return store(s, text, strlen(text) + 1, off);
}

static int store_link(struct segment *s, const struct build_link *from, struct catalog_link *to)
{
	int rc = store(s, from->der.data, from->der.size, &to->off);

	if (rc == 0)
		rc = store_text(s, from->name, &to->name_off);
	to->size = (uint32_t)from->der.size;
	to->sources = from->sources;
	return rc;
}

/* Certificates of one issuer have the same chain, which is stored once. */
static int store_chain(struct segment *s, const struct build_chain *from, uint32_t *off)
{
	_Alignas(struct catalog_chain) uint8_t room[sizeof(struct catalog_chain) + CATALOG_LINKS_MAX * sizeof(struct catalog_link)] = { 0 };
	struct catalog_chain *c = (void *)room;

	*c = (struct catalog_chain){ .not_before = from->not_before, .not_after = from->not_after,
		.flags = from->flags, .links_n = from->links_n };
	int rc = store_text(s, from->missing, &c->missing_off);
	if (rc == 0)
		rc = store_text(s, from->url, &c->url_off);
	for (uint32_t i = 0; i < from->links_n && rc == 0; i++)
		rc = store_link(s, &from->links[i], &c->links[i]);
	if (rc < 0)
		return rc;
	return store_aligned(s, c, sizeof *c + c->links_n * sizeof c->links[0], _Alignof(struct catalog_chain), off);
}

static int store_chains(struct segment *s, const struct built *b, struct catalog_entry *e)
{
	int rc = 0;

	e->chains_n = (uint32_t)b->n;
	for (int i = 0; i < b->n && rc == 0; i++)
		rc = store_chain(s, &b->chains[i], &e->chain_off[i]);
	return rc;
}

static int store_staple(struct segment *s, const struct segment_staple *from, struct catalog_entry *e)
{
	struct catalog_staple to = { 0 };

	if (!from)
		return 0;
	memcpy(to.cert_id, from->cert_id, sizeof to.cert_id);
	int rc = from->der.size > CATALOG_STAPLE_MAX ? -EFBIG : store_text(s, from->url, &to.url_off);
	if (rc == 0 && from->der.size > 0) {
		rc = store(s, from->der.data, from->der.size, &to.off);
		to.size = (uint32_t)from->der.size;
		to.from = from->from;
		to.until = from->until;
	}
	if (rc < 0)
		return rc;
	to.flags = from->must ? CATALOG_MUST_STAPLE : 0;
	return store_aligned(s, &to, sizeof to, _Alignof(struct catalog_staple), &e->staple_off);
}

static int claim(struct segment *s, const char *name, uint32_t item)
{
	int rc = grow((void **)&s->claims, &s->claims_cap, s->claims_n + 1, sizeof *s->claims);

	if (rc == 0)
		rc = store_text(s, name, &s->claims[s->claims_n].name_off);
	if (rc == 0)
		s->claims[s->claims_n++].item = item;
	return rc;
}

static int store_names(struct segment *s, const struct certs *c)
{
	int rc = 0;

	for (uint32_t i = 0; i < c->names_n && rc == 0; i++)
		rc = claim(s, c->names[i], (uint32_t)s->items_n);
	return rc;
}

int64_t segment_add(struct segment *s, const struct certs *c, const struct built *chains,
	const struct segment_staple *staple, const char *source)
{
	struct item item = { .entry = { .key = c->key, .key_bits = c->key_bits, .cert_size = (uint32_t)c->der.size,
		.spki_at = c->spki.size > 0 ? (uint32_t)(c->spki.data - c->der.data) : 0, .spki_size = (uint32_t)c->spki.size, .key_usage = c->key_usage,
		.not_before = c->not_before, .not_after = c->not_after } };
	size_t claims_before = s->claims_n;

	memcpy(item.entry.key_id, c->key_id, sizeof c->key_id);
	int rc = grow((void **)&s->items, &s->items_cap, s->items_n + 1, sizeof *s->items);
	if (rc == 0)
		rc = store(s, c->der.data, c->der.size, &item.entry.cert_off);
	if (rc == 0)
		rc = store_chains(s, chains, &item.entry);
	if (rc == 0)
		rc = store_staple(s, staple, &item.entry);
	if (rc == 0)
		rc = store_text(s, source, &item.entry.source_off);
	if (rc == 0)
		rc = store_text(s, c->names[0], &item.entry.name_off);
	if (rc == 0)
		rc = store_names(s, c);
	if (rc < 0) {
		s->claims_n = claims_before;
		return rc;
	}
	s->items[s->items_n] = item;
	return (int64_t)s->items_n++;
}

/* ---- what lies in another segment ---- */

static struct build_link link_of(const struct catalog_segment *from, const struct catalog_link *l)
{
	return (struct build_link){ { catalog_bytes(from, l->off, l->size), l->size }, catalog_text(from, l->name_off), l->sources };
}

static void chain_of(const struct catalog_segment *from, const struct catalog_chain *c, struct build_chain *to)
{
	*to = (struct build_chain){ .links_n = c->links_n, .not_before = c->not_before, .not_after = c->not_after,
		.flags = c->flags, .missing = catalog_text(from, c->missing_off) };
	strcpy(to->url, catalog_text(from, c->url_off));
	for (uint32_t i = 0; i < c->links_n; i++)
		to->links[i] = link_of(from, &c->links[i]);
}

void segment_built_of(const struct catalog_segment *from, const struct catalog_entry *e, struct built *to)
{
	to->n = (int)e->chains_n;
	to->too_long = false;
	for (int i = 0; i < to->n; i++)
		chain_of(from, catalog_chain(from, e, (uint32_t)i), &to->chains[i]);
}

bool segment_staple_of(const struct catalog_segment *from, const struct catalog_entry *e, struct segment_staple *to)
{
	const struct catalog_staple *s = catalog_staple(from, e);

	if (!s)
		return false;
	*to = (struct segment_staple){ .cert_id = s->cert_id, .url = catalog_text(from, s->url_off),
		.must = s->flags & CATALOG_MUST_STAPLE, .from = s->from, .until = s->until,
		.der = { s->size > 0 ? catalog_bytes(from, s->off, s->size) : NULL, s->size } };
	return true;
}

int64_t segment_copy(struct segment *s, const struct catalog_segment *from, const struct catalog_entry *e,
	const struct segment_staple *staple)
{
	struct item item = { .entry = *e, .served = true };
	struct segment_staple own;
	struct built chains;

	if (!staple && segment_staple_of(from, e, &own))
		staple = &own;
	item.entry.staple_off = item.entry.names_off = item.entry.others_off = 0;
	segment_built_of(from, e, &chains);
	int rc = grow((void **)&s->items, &s->items_cap, s->items_n + 1, sizeof *s->items);
	if (rc == 0)
		rc = store(s, catalog_bytes(from, e->cert_off, e->cert_size), e->cert_size, &item.entry.cert_off);
	if (rc == 0)
		rc = store_chains(s, &chains, &item.entry);
	if (rc == 0)
		rc = store_staple(s, staple, &item.entry);
	if (rc == 0)
		rc = store_text(s, catalog_source(from, e), &item.entry.source_off);
	if (rc == 0)
		rc = store_text(s, catalog_text(from, e->name_off), &item.entry.name_off);
	if (rc < 0)
		return rc;
	s->items[s->items_n] = item;
	return (int64_t)s->items_n++;
}

int segment_claim(struct segment *s, const char *name, int64_t number)
{
	return claim(s, name, (uint32_t)number);
}

int segment_hide(struct segment *s, const char *name)
{
	return claim(s, name, NOBODY);
}

static int store_name_list(struct segment *s, const struct segment_origin *o, struct catalog_entry *e)
{
	uint32_t *list = malloc((1 + o->names_n) * sizeof *list);
	int rc = list ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < o->names_n && rc == 0; i++)
		rc = store_text(s, o->names[i], &list[1 + i]);
	if (rc == 0) {
		list[0] = o->names_n;
		rc = append(s, list, (1 + o->names_n) * sizeof *list, sizeof *list, &e->names_off);
	}
	free(list);
	return rc;
}

static int store_others(struct segment *s, const struct segment_origin *o, struct catalog_entry *e)
{
	struct { uint32_t n; struct catalog_link list[CATALOG_OTHERS_MAX]; } all = { .n = 0 };
	int rc = 0;

	for (int i = 0; i < o->others_n && all.n < CATALOG_OTHERS_MAX && rc == 0; i++) {
		const struct bytes *der = &o->others[i]->der;
		all.list[all.n].size = (uint32_t)der->size;
		rc = store(s, der->data, der->size, &all.list[all.n++].off);
	}
	if (rc < 0 || all.n == 0)
		return rc;
	/* Files with the same intermediates are many. */
	return store_aligned(s, &all, sizeof all.n + all.n * sizeof all.list[0], sizeof all.n, &e->others_off);
}

int segment_origin(struct segment *s, int64_t number, const struct segment_origin *o)
{
	struct catalog_entry *e = &s->items[number].entry;

	e->file = o->file;
	e->place = o->place;
	e->others_off = 0;
	int rc = store_name_list(s, o, e);
	return rc < 0 ? rc : store_others(s, o, e);
}

uint32_t segment_entry_at(const struct segment *s, int64_t number)
{
	return (uint32_t)(s->items_at + (uint64_t)number * sizeof(struct catalog_entry));
}

const uint8_t *segment_key_id(const struct segment *s, int64_t number)
{
	return s->items[number].entry.key_id;
}

void segment_serve(struct segment *s, int64_t number)
{
	s->items[number].served = true;
}
