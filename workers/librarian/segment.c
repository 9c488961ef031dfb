/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/segment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memfd.h"

#define NOTICES_MAX 20	/* lines about names with two certificates of a kind */

/* Offsets are those in the segment: `bytes` come right after its head. */
#define BYTES_AT ((uint32_t)sizeof(struct catalog_head))

#define NOBODY UINT32_MAX	/* claims a name that is to be hidden */

struct item {
	struct catalog_entry entry;
	bool served;
};

struct claim { uint32_t name_off, item; };

struct slot_list { uint32_t n, items[CATALOG_ENTRIES_MAX]; };

struct segment {
	uint8_t *bytes;		/* certificates and texts */
	size_t size, cap;
	struct item *items;
	size_t items_n, items_cap;
	struct claim *claims;	/* of a name by a certificate */
	size_t claims_n, claims_cap;
	uint32_t *seen;		/* open table by content: offset of the chunk; 0: free */
	uint32_t *seen_size;
	size_t seen_n, seen_cap;
	uint64_t items_at;	/* once it is laid out */
};

/* The table of names while it is laid out. */
struct layout {
	struct catalog_slot *slots;
	struct slot_list *lists;
	uint32_t slots_n, names_n, list_words, notices;
};

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

static const uint8_t *at_off(const struct segment *s, uint32_t off)
{
	return s->bytes + (off - BYTES_AT);
}

/* The place of equal bytes in the table, or the free one where they belong. */
static size_t seen_place(const struct segment *s, const uint8_t *p, size_t n, size_t align)
{
	size_t at = hash_bytes(p, n) & (s->seen_cap - 1);

	while (s->seen[at] && (s->seen_size[at] != n || s->seen[at] % align != 0 || memcmp(at_off(s, s->seen[at]), p, n) != 0))
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
		size_t at = seen_place(&bigger, at_off(s, s->seen[i]), s->seen_size[i], 1);
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

static bool is_valid(const struct catalog_entry *e, int64_t now)
{
	return now >= e->not_before && now <= e->not_after;
}

static int layout_begin(struct layout *l, const struct segment *s)
{
	*l = (struct layout){ .slots_n = 2 };
	while (l->slots_n < 2 * s->claims_n)
		l->slots_n *= 2;
	l->slots = calloc(l->slots_n, sizeof *l->slots);
	l->lists = calloc(l->slots_n, sizeof *l->lists);
	return l->slots && l->lists ? 0 : -ENOMEM;
}

static void layout_clear(struct layout *l)
{
	free(l->slots);
	free(l->lists);
}

/* The slot of a name, which is made if there is none. */
static struct slot_list *layout_name(struct layout *l, const struct segment *s, uint32_t name_off)
{
	const char *name = (const char *)at_off(s, name_off);
	uint64_t hash = catalog_hash(name), at = hash & (l->slots_n - 1);

	/* Names are stored once, so equal names have equal offsets. */
	while (l->slots[at].hash && l->slots[at].name_off != name_off)
		at = (at + 1) & (l->slots_n - 1);
	if (!l->slots[at].hash) {
		l->slots[at] = (struct catalog_slot){ .hash = hash, .name_off = name_off };
		l->names_n++;
		l->list_words++;
	}
	return &l->lists[at];
}

static void tell_rivals(struct layout *l, const struct segment *s, const struct claim *claim,
	uint32_t first, const char *msg)
{
	struct log_line line;

	if (l->notices++ >= NOTICES_MAX)
		return;
	log_begin(&line, LOG_LEVEL_NOTICE, msg);
	log_str(&line, "name", (const char *)at_off(s, claim->name_off));
	log_str(&line, "first", (const char *)at_off(s, s->items[first].entry.source_off));
	log_str(&line, "other", (const char *)at_off(s, s->items[claim->item].entry.source_off));
	log_end(&line);
}

static void layout_claim(struct layout *l, const struct segment *s, const struct claim *claim, bool valid)
{
	const struct catalog_entry *e = &s->items[claim->item].entry;
	struct slot_list *list = layout_name(l, s, claim->name_off);

	for (uint32_t i = 0; i < list->n; i++)
		if (s->items[list->items[i]].entry.cert_off == e->cert_off)
			return;		/* the same certificate, in another file or by another spelling */
	if (list->n == CATALOG_ENTRIES_MAX) {
		tell_rivals(l, s, claim, list->items[0], "too many certificates for a name; this one is left out");
		return;
	}
	for (uint32_t i = 0; valid && i < list->n; i++)
		if (s->items[list->items[i]].entry.key == e->key) {
			tell_rivals(l, s, claim, list->items[i], "two certificates with the same kind of key for a name; the first is served");
			break;
		}
	list->items[list->n++] = claim->item;
	l->list_words++;
}

static void layout_claims(struct layout *l, const struct segment *s, int64_t now, bool valid)
{
	for (size_t i = 0; i < s->claims_n; i++) {
		if (s->claims[i].item == NOBODY) {
			layout_name(l, s, s->claims[i].name_off);
			continue;
		}
		const struct item *item = &s->items[s->claims[i].item];
		if (item->served && is_valid(&item->entry, now) == valid)
			layout_claim(l, s, &s->claims[i], valid);
	}
}

/* By place, then by file; what is equal in both stays as it was added. */
static int compare_claims(const void *a, const void *b, void *segment)
{
	const struct claim *x = a, *y = b;
	const struct segment *s = segment;

	if (x->item == NOBODY || y->item == NOBODY)
		return (x->item == NOBODY) - (y->item == NOBODY);
	const struct item *p = &s->items[x->item], *q = &s->items[y->item];
	if (p->entry.place != q->entry.place)
		return p->entry.place < q->entry.place ? -1 : 1;
	int rc = p->entry.source_off == q->entry.source_off ? 0 :
		strcmp((const char *)at_off(s, p->entry.source_off), (const char *)at_off(s, q->entry.source_off));
	return rc ? rc : x->item < y->item ? -1 : x->item > y->item;
}

static void sort_claims(struct segment *s)
{
	if (s->claims_n > 0)
		qsort_r(s->claims, s->claims_n, sizeof *s->claims, compare_claims, s);
}

static uint64_t aligned(uint64_t off) { return (off + 7) & ~7ull; }

/* Where the tables lie behind the bytes; size shows whether 32 bits reach them. */
struct plan { uint64_t items, slots, lists, size; };

static struct plan plan_for(const struct layout *l, const struct segment *s)
{
	struct plan p;

	p.items = aligned(BYTES_AT + s->size);
	p.slots = aligned(p.items + s->items_n * sizeof(struct catalog_entry));
	p.lists = p.slots + (uint64_t)l->slots_n * sizeof(struct catalog_slot);
	p.size = p.lists + (uint64_t)l->list_words * sizeof(uint32_t);
	return p;
}

static int write_items(const struct segment *s, int fd, const struct plan *p)
{
	int rc = 0;

	for (size_t i = 0; i < s->items_n && rc == 0; i++)
		rc = memfd_write(fd, p->items + i * sizeof(struct catalog_entry), &s->items[i].entry, sizeof(struct catalog_entry));
	return rc;
}

/* Turns numbers into offsets, in the slots too. */
static int write_lists(struct layout *l, int fd, const struct plan *p)
{
	uint32_t *words = malloc((size_t)l->list_words * sizeof *words + 1), n = 0;

	if (!words)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->slots_n; i++) {
		if (!l->slots[i].hash)
			continue;
		l->slots[i].entries_off = (uint32_t)(p->lists + n * sizeof *words);
		words[n++] = l->lists[i].n;
		for (uint32_t k = 0; k < l->lists[i].n; k++)
			words[n++] = (uint32_t)(p->items + l->lists[i].items[k] * sizeof(struct catalog_entry));
	}
	int rc = memfd_write(fd, p->lists, words, n * sizeof *words);
	free(words);
	return rc;
}

static int write_segment(struct layout *l, struct segment *s, uint32_t generation)
{
	struct plan p = plan_for(l, s);
	struct catalog_head head = { .magic = CATALOG_MAGIC, .size = p.size, .generation = generation, .slots_n = l->slots_n,
		.slots_off = (uint32_t)p.slots, .names_n = l->names_n, .entries_n = (uint32_t)s->items_n };

	if (p.size >= CATALOG_SEGMENT_BYTES_MAX)
		return -EFBIG;
	s->items_at = p.items;
	int fd = memfd_new("catalog", p.size);
	if (fd < 0)
		return fd;
	int rc = memfd_write(fd, 0, &head, sizeof head);
	if (rc == 0)
		rc = memfd_write(fd, BYTES_AT, s->bytes, s->size);
	if (rc == 0)
		rc = write_items(s, fd, &p);
	if (rc == 0)
		rc = write_lists(l, fd, &p);
	if (rc == 0)
		rc = memfd_write(fd, p.slots, l->slots, (size_t)l->slots_n * sizeof *l->slots);
	if (rc == 0)
		rc = memfd_seal_all(fd);
	if (rc < 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

int segment_finish(struct segment *s, uint32_t generation, int64_t now,
	uint32_t *names, uint32_t *certificates)
{
	struct layout l;
	int rc = layout_begin(&l, s);

	if (rc == 0) {
		sort_claims(s);
		layout_claims(&l, s, now, true);
		layout_claims(&l, s, now, false);
		if (l.notices > NOTICES_MAX)
			log_notice("%u more such notices about names with several certificates", l.notices - NOTICES_MAX);
		rc = write_segment(&l, s, generation);
	}
	*names = l.names_n;
	*certificates = 0;
	for (size_t i = 0; i < s->items_n; i++)
		*certificates += s->items[i].served;
	layout_clear(&l);
	return rc;
}
