/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/stock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct claim_of {
	uint64_t hash;
	const char *name;	/* of the one who claims it */
	uint32_t number;
};

/* ---- held ---- */

static int take_others(struct held *h, struct chain_cert *const *others, int n)
{
	h->others = n > 0 ? calloc((size_t)n, sizeof *h->others) : NULL;
	if (n > 0 && !h->others)
		return -ENOMEM;
	for (int i = 0; i < n; i++)
		if (others[i]->ca)
			h->others[h->others_n++] = chain_cert_ref(others[i]);
	return 0;
}

struct held *held_new(uint32_t file, uint32_t place, char *const *names, uint32_t names_n,
	struct chain_cert *const *others, int others_n)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < names_n; i++)
		bytes += strlen(names[i]) + 1;
	struct held *h = malloc(sizeof *h + names_n * sizeof h->names[0] + bytes);
	if (!h)
		return NULL;
	*h = (struct held){ .refs = 1, .file = file, .place = place, .names_n = names_n };
	char *at = (char *)&h->names[names_n];
	for (uint32_t i = 0; i < names_n; i++) {
		h->names[i] = at;
		at = stpcpy(at, names[i]) + 1;
	}
	if (take_others(h, others, others_n) == 0)
		return h;
	free(h);
	return NULL;
}

struct held *held_ref(struct held *h)
{
	h->refs++;
	return h;
}

void held_unref(struct held *h)
{
	if (!h || --h->refs > 0)
		return;
	for (int i = 0; i < h->others_n; i++)
		chain_cert_unref(h->others[i]);
	free(h->others);
	free(h);
}

/* ---- stock ---- */

struct stock *stock_new(void)
{
	struct stock *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->refs = 1;
	catalog_init(&s->catalog);
	return s;
}

struct stock *stock_ref(struct stock *s)
{
	s->refs++;
	return s;
}

void stock_unref(struct stock *s)
{
	if (!s || --s->refs > 0)
		return;
	for (int i = 0; i < s->catalog.n; i++)
		close(s->fds[i]);
	catalog_clear(&s->catalog);
	for (size_t i = 0; i < s->n; i++)
		held_unref(s->list[i].held);
	free(s->list);
	free(s->claims);
	free(s);
}

int stock_push(struct stock *s, struct held *held, struct catalog_segment *segment, const struct catalog_entry *entry)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		struct stocked *list = reallocarray(s->list, cap, sizeof *list);
		if (!list) {
			held_unref(held);
			return -ENOMEM;
		}
		s->list = list;
		s->cap = cap;
	}
	s->list[s->n++] = (struct stocked){ held, segment, entry };
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct claim_of *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

int stock_index(struct stock *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->list[i].held->names_n;
	s->claims = reallocarray(NULL, n + 1, sizeof *s->claims);
	if (!s->claims)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++)
		for (uint32_t k = 0; k < s->list[i].held->names_n; k++) {
			const char *name = s->list[i].held->names[k];
			s->claims[s->claims_n++] = (struct claim_of){ catalog_hash(name), name, (uint32_t)i };
		}
	qsort(s->claims, s->claims_n, sizeof *s->claims, compare);
	for (size_t i = 0; i < s->claims_n; i++)
		s->names_n += i == 0 || s->claims[i].hash != s->claims[i - 1].hash;
	return 0;
}

/* The first claim with that hash or a greater one. */
static size_t first_of(const struct stock *s, uint64_t hash)
{
	size_t low = 0, high = s->claims_n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (s->claims[mid].hash < hash)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int64_t stock_next(const struct stock *s, const char *name, size_t *at)
{
	uint64_t hash = catalog_hash(name);
	size_t i = *at ? *at : first_of(s, hash);

	for (; i < s->claims_n && s->claims[i].hash == hash; i++)
		if (strcmp(s->claims[i].name, name) == 0) {
			*at = i + 1;
			return s->claims[i].number;
		}
	*at = i;
	return -1;
}

int stock_send(const struct stock *s, uint32_t generation, struct channel *ch)
{
	struct msg m = { .type = MSG_CATALOG, .catalog = { .generation = generation,
		.names = s->names_n, .certificates = (uint32_t)s->n } };

	return msg_send(ch, &m, s->fds, s->catalog.n);
}
