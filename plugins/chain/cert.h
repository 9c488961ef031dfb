/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A certificate as chains are built of it: parsed once, held by reference. The
 * sources of chains and the librarian speak of certificates through it alone.
 */
#ifndef PLUGINS_CHAIN_CERT_H
#define PLUGINS_CHAIN_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/catalog.h"

#define CERT_KEY_ID_BYTES_MAX 64	/* of a key identifier; a longer one counts as none */
#define CERT_URLS_MAX 4			/* looked at of one kind */

struct gnutls_x509_crt_int;

struct chain_cert {
	unsigned refs;
	struct gnutls_x509_crt_int *crt;
	uint8_t id[CERT_ID_BYTES];	/* SHA-256 of the DER: two with the same are one */
	struct bytes der;
	struct bytes subject, issuer;	/* names in DER, compared byte by byte */
	uint8_t subject_key[CERT_KEY_ID_BYTES_MAX], issuer_key[CERT_KEY_ID_BYTES_MAX];
	size_t subject_key_size, issuer_key_size;	/* 0: it does not say (RFC 5280 4.2.1.1 and .2) */
	int64_t not_before, not_after;	/* Unix seconds */
	bool ca;			/* may issue */
	bool root;			/* issued by itself; an authority's or not */

	/* Of the last that chain_cert_verify() was asked about. */
	uint8_t verified_id[CERT_ID_BYTES];
	bool verified;
	char *name, *issuer_name;	/* made when asked for */
};

/* Parses DER, which is copied. NULL with errno EINVAL or ENOMEM. */
struct chain_cert *chain_cert_new(const void *der, size_t size);
/* The same of a PEM block. */
struct chain_cert *chain_cert_from_pem(const char *text, size_t size);
struct chain_cert *chain_cert_ref(struct chain_cert *c);
void chain_cert_unref(struct chain_cert *c);	/* NULL does nothing */

bool chain_cert_same(const struct chain_cert *a, const struct chain_cert *b);
/* The same name with the same key: a certificate and its cross-signed kin. */
bool chain_cert_same_holder(const struct chain_cert *a, const struct chain_cert *b);

/*
 * Whether issuer may have issued c: it is an authority, its name is c's issuer
 * and, if both say, its key identifier is the one that c wants. *sure tells
 * that the identifiers were there. No signature is looked at.
 */
bool chain_cert_names_issuer(const struct chain_cert *c, const struct chain_cert *issuer, bool *sure);
/* Whether issuer's key has signed c. Remembers the last answer. */
bool chain_cert_verify(struct chain_cert *c, const struct chain_cert *issuer);
/*
 * Its SubjectPublicKeyInfo (RFC 5280 4.1.2.7), which lies in der; of size 0 if
 * it is not where it should be.
 */
struct bytes chain_cert_spki(const struct chain_cert *c);
/* Whether issuer's name constraints (RFC 5280 4.2.1.10) forbid a name of c. */
bool chain_cert_forbids(const struct chain_cert *issuer, const struct chain_cert *c);

/* Who it is, and who issued it: RFC 4514 with odd bytes replaced; never NULL. */
const char *chain_cert_name(struct chain_cert *c);
const char *chain_cert_issuer_name(struct chain_cert *c);
/*
 * The i-th caIssuers URL of it (RFC 5280 4.2.2.1) that is http:// and of
 * printable ASCII, into url. False: there is none.
 */
bool chain_cert_url(const struct chain_cert *c, int i, char *url, size_t size);
/* The same of its first OCSP responder (RFC 6960 3.1). */
bool chain_cert_responder(const struct chain_cert *c, char *url, size_t size);
/* Whether clients may insist on a staple (RFC 7633, status_request). */
bool chain_cert_must_staple(const struct chain_cert *c);

#endif
