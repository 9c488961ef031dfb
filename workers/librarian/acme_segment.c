/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/acme_segment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base64.h"
#include "common/log.h"
#include "workers/librarian/segment.h"
#include "workers/librarian/sources.h"
#include "workers/librarian/stock.h"

/*
 * A CA sends all links but the root (RFC 8555 7.4.2), which no source need
 * know: if all that came are in the chain, nothing is missing.
 */
static void complete(struct built *b, const struct certs *c)
{
	struct build_chain *best = &b->chains[0];
	uint32_t came = 0;

	for (int i = 0; i < c->others_n; i++)
		came += !c->others[i]->root;
	if (best->flags & CATALOG_COMPLETE || came == 0 || best->links_n < came)
		return;
	best->flags |= CATALOG_COMPLETE;
	best->missing = "";
	best->url[0] = '\0';
}

/* What came with the certificate counts as its file, whatever the configuration prefers. */
static int add_ordered(struct segment *s, struct acme_name *name, const struct round *r, const struct sources *sources,
	const struct chain_order *order, int64_t now)
{
	char source[sizeof "acme: " + sizeof name->rec.id];
	struct chain_use uses[SOURCES_MAX + 1];
	struct segment_staple staple;
	struct built built;
	struct certs c;

	if (certs_parse(&c, name->pem, name->pem_size, now) < 0) {
		log_error("the certificate of %s cannot be read any more: %s", name->rec.id, c.error);
		certs_clear(&c);
		return 0;
	}
	struct build b = { .cert = c.cert, .file = c.others, .file_n = c.others_n, .uses = uses, .order = order };
	sources_use(sources, order, uses);
	build_chains(&b, now, &built);
	complete(&built, &c);
	snprintf(source, sizeof source, "acme: %s", name->rec.id);
	name->stapled = round_look_at_staple(r, &c, &built, now, &staple);
	if (name->stapled)
		memcpy(name->cert_id, staple.cert_id, sizeof name->cert_id);
	int64_t number = segment_add(s, &c, &built, name->stapled ? &staple : NULL, source);
	if (number >= 0)
		segment_serve(s, number);
	certs_clear(&c);
	return number < 0 ? (int)number : 0;
}

bool acme_segment_has_file(const struct round *r, const char *name)
{
	const struct stock *s = round_stock(r);
	size_t at = 0;

	return s && stock_next(s, name, &at) >= 0;
}

int acme_segment_ordered(const struct acme_names *names, bool (*served)(void *data, const struct acme_name *name), void *data,
	const struct round *r, int64_t now, struct msg_ordered *m)
{
	struct sources sources = { .store = round_sources(r)->store, .fetched = round_sources(r)->fetched, .ordered = &sources };
	struct chain_order order = *round_order(r);
	struct segment *s = segment_new();
	int rc = s ? 0 : -ENOMEM;
	size_t n = 0;

	chain_order_add(&order, CHAIN_FILE);
	chain_order_add(&order, CHAIN_ACME);
	for (size_t i = 0; i < names->n && rc == 0; i++) {
		names->list[i]->stapled = false;
		if (!names->list[i]->pem || !served(data, names->list[i]) || acme_segment_has_file(r, names->list[i]->rec.id))
			continue;
		rc = add_ordered(s, names->list[i], r, &sources, &order, now);
		n++;
	}
	if (rc == 0)
		rc = n == 0 ? -ENOENT : segment_finish(s, 0, now, &m->names, &m->certificates);
	segment_free(s);
	return rc;
}

/* It has no chain, and nobody looks for one. */
static int add_challenge(struct segment *s, struct bytes der, int64_t now)
{
	struct built alone = { .n = 1, .chains = { { .not_before = INT64_MIN, .not_after = INT64_MAX,
		.flags = CATALOG_COMPLETE, .missing = "" } } };
	char pem[PEM_SIZE(2048)];
	struct certs c;

	if (der.size > 2048)
		return -EMSGSIZE;
	int rc = certs_parse(&c, pem, base64_pem("CERTIFICATE", der.data, der.size, pem), now);
	int64_t number = rc < 0 ? rc : segment_add(s, &c, &alone, NULL, "acme: challenge");
	if (number >= 0)
		segment_serve(s, number);
	else if (rc < 0)
		log_error("the certificate of a challenge cannot be read: %s", c.error);
	certs_clear(&c);
	return number < 0 ? (int)number : 0;
}

int acme_segment_challenges(const struct bytes *certificates, int n, uint32_t generation, int64_t now)
{
	uint32_t names, count;
	struct segment *s = segment_new();
	int rc = s ? 0 : -ENOMEM, added = 0;

	for (int i = 0; i < n && rc == 0; i++) {
		rc = certificates[i].size > 0 ? add_challenge(s, certificates[i], now) : 0;
		added += certificates[i].size > 0;
	}
	if (rc == 0)
		rc = added == 0 ? -ENOENT : segment_finish(s, generation, now, &names, &count);
	segment_free(s);
	return rc;
}
