/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/change.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NO_COPY INT64_MIN

/* A certificate that comes; its number is that in the segment. */
struct coming {
	struct held *held;
	int64_t number;
	bool served;
};

struct change {
	struct stock *base;
	struct segment *segment;	/* the new one */
	struct coming *coming;
	size_t coming_n, coming_cap;
	bool *gone;			/* of base's list */
	int64_t *copy;			/* of base's list: its number in the new segment; NO_COPY */
	size_t gone_n;
	const char **names;		/* that are touched; those of base, or of what comes */
	size_t names_n, names_cap;
	int merged;			/* so many of base's segments, the newest, are merged into the new one */
};

/* Of base alone. */
static int take_base(struct change *c, struct stock *base)
{
	bool *gone = calloc(base->n + 1, sizeof *gone);
	int64_t *copy = calloc(base->n + 1, sizeof *copy);

	if (!gone || !copy) {
		free(gone);
		free(copy);
		return -ENOMEM;
	}
	for (size_t i = 0; i < base->n; i++)
		copy[i] = NO_COPY;
	free(c->gone);
	free(c->copy);
	stock_ref(base);
	stock_unref(c->base);
	c->base = base;
	c->gone = gone;
	c->copy = copy;
	return 0;
}

struct change *change_new(struct stock *base)
{
	struct change *c = calloc(1, sizeof *c);
	struct stock *from = base ? stock_ref(base) : stock_new();

	if (c)
		c->segment = segment_new();
	if (!c || !from || !c->segment || take_base(c, from) < 0) {
		change_free(c);
		c = NULL;
	}
	stock_unref(from);
	return c;
}

int change_rebase(struct change *c, struct stock *base)
{
	return take_base(c, base);
}

void change_free(struct change *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->coming_n; i++)
		held_unref(c->coming[i].held);
	stock_unref(c->base);
	segment_free(c->segment);
	free(c->coming);
	free(c->gone);
	free(c->copy);
	free(c->names);
	free(c);
}

static int tell_origin(struct change *c, int64_t number, const struct held *h)
{
	struct segment_origin o = { .file = h->file, .place = h->place, .names = h->names, .names_n = h->names_n,
		.others = h->others, .others_n = h->others_n };

	return segment_origin(c->segment, number, &o);
}

static int64_t append(struct change *c, struct held *held, int64_t number, bool served)
{
	int rc = number >= 0 ? tell_origin(c, number, held) : 0;

	if (rc < 0)
		number = rc;
	if (number >= 0 && c->coming_n == c->coming_cap) {
		size_t cap = c->coming_cap ? 2 * c->coming_cap : 16;
		struct coming *coming = reallocarray(c->coming, cap, sizeof *coming);
		if (!coming)
			number = -ENOMEM;
		c->coming = coming ? coming : c->coming;
		c->coming_cap = coming ? cap : c->coming_cap;
	}
	if (number < 0) {
		held_unref(held);
		return number;
	}
	c->coming[c->coming_n] = (struct coming){ held, number, served };
	return (int64_t)c->coming_n++;
}

int64_t change_add(struct change *c, struct held *held, const struct certs *certs, const struct built *chains,
	const struct segment_staple *staple, const char *source)
{
	return append(c, held, segment_add(c->segment, certs, chains, staple, source), false);
}

const uint8_t *change_key_id(const struct change *c, int64_t number)
{
	return segment_key_id(c->segment, c->coming[number].number);
}

void change_serve(struct change *c, int64_t number)
{
	c->coming[number].served = true;
	segment_serve(c->segment, c->coming[number].number);
}

void change_drop(struct change *c, size_t i)
{
	c->gone_n += !c->gone[i];
	c->gone[i] = true;
}

void change_drop_file(struct change *c, uint32_t file)
{
	for (size_t i = 0; i < c->base->n; i++)
		if (c->base->list[i].held->file == file)
			change_drop(c, i);
}

bool change_drops(const struct change *c, size_t i)
{
	return c->gone[i];
}

const struct stock *change_base(const struct change *c)
{
	return c->base;
}

int change_staple(struct change *c, size_t i, const struct segment_staple *staple)
{
	const struct stocked *old = &c->base->list[i];
	int64_t number = append(c, held_ref(old->held), segment_copy(c->segment, old->segment, old->entry, staple), true);

	if (number < 0)
		return (int)number;
	change_drop(c, i);
	for (uint32_t k = 0; k < old->held->names_n; k++) {
		int rc = segment_claim(c->segment, old->held->names[k], c->coming[number].number);
		if (rc < 0)
			return rc;
	}
	return 0;
}

bool change_is_empty(const struct change *c)
{
	for (size_t i = 0; i < c->coming_n; i++)
		if (c->coming[i].served)
			return false;
	return c->gone_n == 0 && c->base->catalog.n > 0;
}

/* ---- which names are touched ---- */

static int touch(struct change *c, const char *name)
{
	if (c->names_n == c->names_cap) {
		size_t cap = c->names_cap ? 2 * c->names_cap : 64;
		const char **names = reallocarray(c->names, cap, sizeof *names);
		if (!names)
			return -ENOMEM;
		c->names = names;
		c->names_cap = cap;
	}
	c->names[c->names_n++] = name;
	return 0;
}

static int touch_all(struct change *c, const struct held *h)
{
	int rc = 0;

	for (uint32_t i = 0; i < h->names_n && rc == 0; i++)
		rc = touch(c, h->names[i]);
	return rc;
}

/* All that a segment decides about, tombstones too unless nothing is left below for them to hide. */
static int touch_segment(struct change *c, const struct catalog_segment *s)
{
	const char *name;
	int rc = 0;

	for (uint32_t i = 0; i < catalog_segment_slots(s) && rc == 0; i++)
		if ((name = catalog_segment_name(s, i)) != NULL)
			rc = touch(c, name);
	return rc;
}

/* How many of base's segments go into the new one: none, the small ones, or all. */
static int merged_of(const struct catalog *base)
{
	uint64_t small = 0;

	if (base->n < CHANGE_SEGMENTS)
		return 0;
	for (int i = 0; i < base->n - 1; i++)
		small += catalog_segment_bytes(base->segments[i]);
	return small > catalog_segment_bytes(base->segments[base->n - 1]) / 2 ? base->n : base->n - 1;
}

static int touch_what_changes(struct change *c)
{
	const struct stock *base = c->base;
	int rc = 0;

	if (base->catalog.n == 0)	/* all names are those of what comes, which claims them already */
		return 0;
	for (size_t i = 0; i < base->n && rc == 0; i++)
		if (c->gone[i])
			rc = touch_all(c, base->list[i].held);
	for (size_t i = 0; i < c->coming_n && rc == 0; i++)
		if (c->coming[i].served)
			rc = touch_all(c, c->coming[i].held);
	c->merged = merged_of(&base->catalog);
	for (int i = 0; i < c->merged && rc == 0; i++)
		rc = touch_segment(c, base->catalog.segments[i]);
	return rc;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void drop_doubles(struct change *c)
{
	size_t kept = 0;

	if (c->names_n == 0)
		return;
	qsort(c->names, c->names_n, sizeof *c->names, compare_names);
	for (size_t i = 1; i < c->names_n; i++)
		if (strcmp(c->names[kept], c->names[i]) != 0)
			c->names[++kept] = c->names[i];
	c->names_n = kept + 1;
}

/* ---- what stays is copied where it shares a name with what changes ---- */

static int copy(struct change *c, size_t i)
{
	const struct stocked *old = &c->base->list[i];

	if (c->copy[i] != NO_COPY)
		return 0;
	int64_t number = segment_copy(c->segment, old->segment, old->entry, NULL);
	if (number < 0)
		return (int)number;
	c->copy[i] = number;
	return tell_origin(c, number, old->held);
}

static int claim_for_those_who_stay(struct change *c, const char *name)
{
	size_t at = 0;
	int64_t i;
	int rc = 0;

	while (rc == 0 && (i = stock_next(c->base, name, &at)) >= 0) {
		if (c->gone[i])
			continue;
		rc = copy(c, (size_t)i);
		if (rc == 0)
			rc = segment_claim(c->segment, name, c->copy[i]);
	}
	return rc;
}

static int claim_touched(struct change *c)
{
	bool bottom = c->merged == c->base->catalog.n;
	int rc = 0;

	for (size_t i = 0; i < c->names_n && rc == 0; i++) {
		rc = claim_for_those_who_stay(c, c->names[i]);
		if (rc == 0 && !bottom)
			rc = segment_hide(c->segment, c->names[i]);
	}
	return rc;
}

/* ---- the next stock ---- */

static int keep_segments(const struct change *c, struct stock *next, int fd)
{
	const struct catalog *base = &c->base->catalog;
	int fds[CATALOG_SEGMENTS_MAX], n = 0;

	next->fds[n++] = fd;
	for (int i = c->merged; i < base->n && n < CATALOG_SEGMENTS_MAX; i++)
		next->fds[n++] = fcntl(c->base->fds[i], F_DUPFD_CLOEXEC, 0);
	for (int i = 0; i < n; i++)
		fds[i] = fcntl(next->fds[i], F_DUPFD_CLOEXEC, 0);
	catalog_share(&next->catalog, base);
	int rc = catalog_open(&next->catalog, 0, fds, n);
	if (rc == 0)
		return 0;
	catalog_clear(&next->catalog);
	for (int i = 0; i < n; i++)
		close(next->fds[i]);
	return rc;
}

static int push_new(struct stock *next, const struct change *c, struct held *held, int64_t number)
{
	struct catalog_segment *s = next->catalog.segments[0];
	const struct catalog_entry *e = catalog_entry(s, segment_entry_at(c->segment, number));

	return e ? stock_push(next, held_ref(held), s, e) : -EINVAL;
}

static int push_all(const struct change *c, struct stock *next)
{
	int rc = 0;

	for (size_t i = 0; i < c->base->n && rc == 0; i++) {
		const struct stocked *old = &c->base->list[i];
		if (c->gone[i])
			continue;
		if (catalog_has(&next->catalog, old->segment))
			rc = stock_push(next, held_ref(old->held), old->segment, old->entry);
		else
			rc = c->copy[i] == NO_COPY ? -EINVAL : push_new(next, c, old->held, c->copy[i]);
	}
	for (size_t i = 0; i < c->coming_n && rc == 0; i++)
		if (c->coming[i].served)
			rc = push_new(next, c, c->coming[i].held, c->coming[i].number);
	return rc < 0 ? rc : stock_index(next);
}

struct stock *change_make(struct change *c, uint32_t generation, int64_t now)
{
	struct stock *next;
	uint32_t names, certificates;

	if (change_is_empty(c))
		return stock_ref(c->base);
	int rc = touch_what_changes(c);
	drop_doubles(c);
	if (rc == 0)
		rc = claim_touched(c);
	int fd = rc < 0 ? rc : segment_finish(c->segment, generation, now, &names, &certificates);
	next = fd < 0 ? NULL : stock_new();
	if (fd >= 0 && !next)
		close(fd);
	rc = fd < 0 ? fd : next ? keep_segments(c, next, fd) : -ENOMEM;
	if (rc == 0)
		rc = push_all(c, next);
	if (rc == 0)
		return next;
	stock_unref(next);
	errno = -rc;
	return NULL;
}
