/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plugins of kind `chain`: where the issuer of a certificate can be had from.
 * A plugin is a constant table of functions; the librarian asks all that the
 * configuration names and builds chains of what they have. A source only
 * offers: whether a candidate fits is looked at by whoever builds.
 */
#ifndef PLUGINS_CHAIN_CHAIN_H
#define PLUGINS_CHAIN_CHAIN_H

#include "common/chains.h"
#include "plugins/chain/cert.h"

#define CHAIN_VERSION 1
#define CHAIN_CANDIDATES_MAX 16

/* Whose issuer is looked for. All is lent for the call. */
struct chain_question {
	const struct chain_cert *cert;
	struct chain_cert *const *file;		/* what came in the file of the server's own certificate */
	int file_n;
};

/* One certificate, and all sources that have it. */
struct chain_candidate {
	struct chain_cert *cert;
	uint32_t sources;	/* bits 1 << enum chain_source */
};

struct chain_candidates {
	struct chain_candidate list[CHAIN_CANDIDATES_MAX];	/* what is beyond is left out */
	int n;
};

/* For sources: offers one, lent until the source next changes. */
void chain_offer(struct chain_candidates *to, struct chain_cert *cert, enum chain_source source);

struct chain_ops {
	const char *name;		/* as configuration and policies write it */
	unsigned version;		/* CHAIN_VERSION */
	enum chain_source source;
	/* Offers what it has at once for q. Called for every link that is looked for: no I/O. */
	void (*issuers)(void *self, const struct chain_question *q, struct chain_candidates *out);
};

/* A source in use. */
struct chain_use {
	const struct chain_ops *ops;	/* NULL ends a list */
	void *self;
};

/* self: none. */
extern const struct chain_ops chain_file;
/* self: struct pool. */
extern const struct chain_ops chain_store;
/* self: struct pool of what was fetched, now or in a run before. */
extern const struct chain_ops chain_cache;
extern const struct chain_ops chain_aia;
/* self: NULL for a certificate that was not ordered. */
extern const struct chain_ops chain_acme;

#endif
