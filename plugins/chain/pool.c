/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/chain/pool.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024

struct node {
	struct node *next;
	struct chain_cert *cert;
};

struct pool {
	unsigned refs;
	struct node *buckets[BUCKETS];
	size_t n;
};

/* FNV-1a. */
static size_t bucket_of(struct bytes subject)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < subject.size; i++)
		h = (h ^ subject.data[i]) * 0x100000001b3ull;
	return h % BUCKETS;
}

struct pool *pool_new(void)
{
	struct pool *p = calloc(1, sizeof *p);

	if (p)
		p->refs = 1;
	return p;
}

struct pool *pool_ref(struct pool *p)
{
	p->refs++;
	return p;
}

void pool_unref(struct pool *p)
{
	if (!p || --p->refs > 0)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		while (p->buckets[i]) {
			struct node *n = p->buckets[i];
			p->buckets[i] = n->next;
			chain_cert_unref(n->cert);
			free(n);
		}
	}
	free(p);
}

int pool_add(struct pool *p, struct chain_cert *c)
{
	struct node **at = &p->buckets[bucket_of(c->subject)];

	if (!c->ca)
		return 0;
	for (; *at; at = &(*at)->next)
		if (chain_cert_same((*at)->cert, c))
			return 0;
	if (p->n == POOL_CERTS_MAX)
		return -E2BIG;
	*at = calloc(1, sizeof **at);
	if (!*at)
		return -ENOMEM;
	(*at)->cert = chain_cert_ref(c);
	p->n++;
	return 1;
}

size_t pool_count(const struct pool *p)
{
	return p->n;
}

struct chain_cert *pool_next(const struct pool *p, struct bytes subject, const struct chain_cert *last)
{
	const struct node *n = p->buckets[bucket_of(subject)];
	bool past = last == NULL;

	for (; n; n = n->next) {
		if (past && n->cert->subject.size == subject.size && memcmp(n->cert->subject.data, subject.data, subject.size) == 0)
			return n->cert;
		past = past || n->cert == last;
	}
	return NULL;
}
