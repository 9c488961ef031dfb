/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/links.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A reference to the one whose issuer has expired; NULL: none, or no memory. */
static struct chain_cert *below_expired(struct chain_cert *cert, const struct build_chain *c, int64_t now)
{
	for (uint32_t i = 0; i < c->links_n; i++) {
		struct chain_cert *link = chain_cert_new(c->links[i].der.data, c->links[i].der.size);
		bool expired = link && now > link->not_after;
		chain_cert_unref(link);
		if (expired && i == 0)
			return chain_cert_ref(cert);
		if (expired)
			return chain_cert_new(c->links[i - 1].der.data, c->links[i - 1].der.size);
	}
	return NULL;
}

static struct chain_cert *wanting(struct chain_cert *cert, const struct build_chain *c, int64_t now)
{
	if (now > c->not_after)
		return below_expired(cert, c, now);
	return c->last ? chain_cert_ref(c->last) : NULL;
}

static bool is_there(const struct links *l, const char *url)
{
	char other[CATALOG_TEXT_MAX + 1];

	for (size_t i = 0; i < l->n; i++)
		if (chain_cert_url(l->list[i], 0, other, sizeof other) && strcmp(url, other) == 0)
			return true;
	return false;
}

/* Takes c. */
static int append(struct links *l, struct chain_cert *c)
{
	struct chain_cert **list = reallocarray(l->list, l->n + 1, sizeof *list);

	if (!list) {
		chain_cert_unref(c);
		return -ENOMEM;
	}
	l->list = list;
	l->list[l->n++] = c;
	return 0;
}

int links_add(struct links *l, struct chain_cert *cert, const struct built *b, int64_t now)
{
	struct chain_cert *c = wanting(cert, &b->chains[0], now);
	char url[CATALOG_TEXT_MAX + 1];

	if (c && l->n < LINKS_MAX && chain_cert_url(c, 0, url, sizeof url) && !is_there(l, url))
		return append(l, c);
	chain_cert_unref(c);
	return 0;
}

void links_clear(struct links *l)
{
	for (size_t i = 0; i < l->n; i++)
		chain_cert_unref(l->list[i]);
	free(l->list);
	*l = (struct links){ .n = 0 };
}
