/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/resume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "workers/librarian/certs.h"

#define PARSED 1024	/* a power of two */

struct resume {
	struct stock *stock;
	struct pool *brought;
	uint32_t *files;	/* an open table of those that are in the stock; 0: free */
	size_t slots;
	/* Authorities that were parsed last; what many files bring lies once in a segment. */
	struct { const struct catalog_segment *segment; uint32_t off; struct chain_cert *cert; } parsed[PARSED];
};

static size_t place_of(const struct resume *r, uint32_t file)
{
	size_t at = file * 2654435761u & (r->slots - 1);

	while (r->files[at] && r->files[at] != file)
		at = (at + 1) & (r->slots - 1);
	return at;
}

/* Lent until the next call; NULL with errno set. */
static struct chain_cert *parse(struct resume *r, const struct catalog_segment *s, const struct catalog_link *l)
{
	size_t i = (l->off * 2654435761u >> 8) & (PARSED - 1);

	if (r->parsed[i].cert && r->parsed[i].segment == s && r->parsed[i].off == l->off)
		return r->parsed[i].cert;
	struct chain_cert *c = chain_cert_new(catalog_bytes(s, l->off, l->size), l->size);
	if (!c)
		return NULL;
	pool_add(r->brought, c);
	chain_cert_unref(r->parsed[i].cert);
	r->parsed[i].segment = s;
	r->parsed[i].off = l->off;
	r->parsed[i].cert = c;
	return c;
}

static int parse_others(struct resume *r, const struct catalog_segment *s, const struct catalog_entry *e,
	struct chain_cert *others[CATALOG_OTHERS_MAX])
{
	uint32_t n;
	const struct catalog_link *list = catalog_others(s, e, &n);

	if (!list)
		return -EINVAL;
	for (uint32_t i = 0; i < n; i++) {
		struct chain_cert *c = parse(r, s, &list[i]);
		if (!c) {
			while (i > 0)
				chain_cert_unref(others[--i]);
			return -errno;
		}
		others[i] = chain_cert_ref(c);
	}
	return (int)n;
}

static struct held *hold(struct resume *r, const struct catalog_segment *s, const struct catalog_entry *e)
{
	struct chain_cert *others[CATALOG_OTHERS_MAX];
	char *names[CATALOG_NAMES_MAX];
	uint32_t names_n;
	const uint32_t *list = catalog_names(s, e, &names_n);
	int n = list && names_n > 0 ? parse_others(r, s, e, others) : -EINVAL;

	if (n < 0) {
		errno = -n;
		return NULL;
	}
	for (uint32_t i = 0; i < names_n; i++)
		names[i] = (char *)(size_t)catalog_text(s, list[i]);
	struct held *h = held_new(e->file, e->place, names, names_n, others, n);
	for (int i = 0; i < n; i++)
		chain_cert_unref(others[i]);
	return h;
}

/* A certificate is met once for each of its names. */
static int take(struct resume *r, struct catalog_segment *s, const struct catalog_entry *e)
{
	size_t at = place_of(r, e->file);

	if (e->file == 0)
		return -EINVAL;
	if (r->files[at])
		return 0;
	struct held *h = hold(r, s, e);
	if (!h)
		return -errno;
	r->files[at] = e->file;
	return stock_push(r->stock, h, s, e);
}

static int take_segment(struct resume *r, int segment)
{
	const struct catalog *c = &r->stock->catalog;
	struct catalog_found f;
	const char *name;
	int rc = 0;

	for (uint32_t i = 0; i < catalog_slots(c, segment) && rc == 0; i++) {
		if (!catalog_slot(c, segment, i, &name, &f))
			continue;
		for (int k = 0; k < f.n && rc == 0; k++)
			rc = take(r, f.segment, f.entries[k]);
	}
	return rc;
}

static int open_catalog(struct stock *s, const int *fds, int n)
{
	int copies[CATALOG_SEGMENTS_MAX];

	for (int i = 0; i < n; i++)
		copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
	int rc = catalog_load(&s->catalog, 0, copies, n);
	for (int i = 0; i < n && rc == 0; i++)
		s->fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
	return rc;
}

static int take_all(struct resume *r)
{
	const struct catalog *c = &r->stock->catalog;
	size_t entries = 1;
	int rc = 0;

	for (int i = 0; i < c->n; i++)
		entries += catalog_slots(c, i) * (size_t)CATALOG_ENTRIES_MAX / 2;
	for (r->slots = 64; r->slots < 2 * entries; r->slots *= 2)
		;
	r->files = calloc(r->slots, sizeof *r->files);
	if (!r->files)
		return -ENOMEM;
	for (int i = 0; i < c->n && rc == 0; i++)
		rc = take_segment(r, i);
	return rc < 0 ? rc : stock_index(r->stock);
}

struct stock *resume_stock(const int *fds, int n, struct pool *brought)
{
	struct resume *r = calloc(1, sizeof *r);
	struct stock *s = stock_new();
	int rc = r && s ? open_catalog(s, fds, n) : -ENOMEM;

	if (rc == 0) {
		r->stock = s;
		r->brought = brought;
		rc = take_all(r);
	}
	for (int i = 0; r && i < PARSED; i++)
		chain_cert_unref(r->parsed[i].cert);
	if (r)
		free(r->files);
	free(r);
	if (rc == 0)
		return s;
	stock_unref(s);
	errno = -rc;
	return NULL;
}
