/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GnuTLS objects for the catalog's certificates, made when a name is first
 * asked for and kept in a bounded cache, by reference: a new catalog cannot
 * pull one from under a handshake. Their private keys are the keeper's.
 */
#ifndef WORKER_CERTS_H
#define WORKER_CERTS_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "common/chains.h"
#include "workers/worker/hello.h"
#include "workers/worker/keeper_client.h"

#define CERTS_CACHED 1024

struct certs;

struct cert {
	struct cert *newer, *older;	/* the cache's order */
	struct cert *next;		/* in the cache's table */
	struct certs *owner;
	unsigned refs;
	struct catalog_segment *segment;
	const struct catalog_entry *entry;
	const struct catalog_chain *links;
	gnutls_pcert_st chain[CATALOG_CHAIN_MAX];	/* bytes of the segment; a public key in the first alone */
	unsigned chain_n;	/* 1 + as many of links as are sent */
	gnutls_privkey_t key;
	gnutls_ocsp_data_st staple;	/* of the entry; its bytes lie in the segment */
};

/* Called by GnuTLS, through the key: signs for the session in hand. 0 or negative errno. */
typedef int certs_sign(void *data, const struct msg_sign_req *req, struct bytes *signature);

struct certs *certs_new(certs_sign *sign, void *data);
void certs_free(struct certs *c);

/*
 * The entry that this client can be served: the first whose key it accepts,
 * those whose suites we offer before others, valid ones before others, whole
 * chains before incomplete ones, ECDSA and Ed25519 before RSA. *chain gets its
 * chain of these sources. -1 if it accepts none.
 */
int certs_choose(const struct catalog_found *found, const struct hello *hello, const struct chain_order *sources,
	int64_t now, struct chain_choice *chain);

/* A reference to the objects for an entry with that chain; NULL with errno set. */
struct cert *certs_get(struct certs *c, struct catalog_segment *segment, const struct catalog_entry *entry,
	const struct chain_choice *chain);
void cert_unref(struct cert *cert);
/* Whether clients may insist on a staple. */
bool cert_must_staple(const struct cert *cert);
/* What is to be stapled at that time; NULL: nothing. */
gnutls_ocsp_data_st *cert_staple(struct cert *cert, int64_t now);
/* Drops those of segments that the catalog has no more, so that their memory goes; sessions keep theirs. */
void certs_follow(struct certs *c, const struct catalog *catalog);

/* Before a call into GnuTLS that may sign: with this certificate's key. NULL after it. */
void certs_in_hand(struct cert *cert);

#endif
