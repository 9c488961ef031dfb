/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a segment: names are given their certificates, and all of it its place. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memfd.h"
#include "workers/librarian/segment_inside.h"

#define NOTICES_MAX 20	/* lines about names with two certificates of a kind */

struct slot_list { uint32_t n, items[CATALOG_ENTRIES_MAX]; };

/* The table of names while it is laid out. */
struct layout {
	struct catalog_slot *slots;
	struct slot_list *lists;
	uint32_t slots_n, names_n, list_words, notices;
};

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
	const char *name = (const char *)segment_at(s, name_off);
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
	log_str(&line, "name", (const char *)segment_at(s, claim->name_off));
	log_str(&line, "first", (const char *)segment_at(s, s->items[first].entry.source_off));
	log_str(&line, "other", (const char *)segment_at(s, s->items[claim->item].entry.source_off));
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
		strcmp((const char *)segment_at(s, p->entry.source_off), (const char *)segment_at(s, q->entry.source_off));
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
