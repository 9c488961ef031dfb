/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys and certificates for tests; whatever fails here ends the test. */
#ifndef UNIT_PKI_H
#define UNIT_PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <gnutls/x509.h>

enum pki_key { PKI_P256, PKI_P384, PKI_RSA, PKI_ED25519 };

struct pki_cert {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
};

struct pki_want {
	const char *cn;
	const char *names[8];		/* dNSNames */
	bool ip;			/* has an IP SAN, 127.0.0.1 */
	bool ca;
	enum pki_key key;
	unsigned usage;			/* of the key, GNUTLS_KEY_...; 0: it does not say */
	bool ids;			/* has key identifiers */
	const char *url;		/* of its issuer's certificate */
	const char *responder;		/* URL of its OCSP responder */
	bool must;			/* must have a staple */
	bool signs_ocsp;		/* is a responder itself */
	const char *only_below;		/* a CA for names below that one */
	int from_days, to_days;		/* from now; both 0: valid for a year */
	const struct pki_cert *issuer;	/* NULL: self-signed */
	const struct pki_cert *same_key_as;
};

void pki_make(struct pki_cert *c, const struct pki_want *want);
void pki_clear(struct pki_cert *c);
/* Appends the certificate in PEM to text of that capacity. */
void pki_append(char *text, size_t cap, const struct pki_cert *c);
void pki_append_key(char *text, size_t cap, const struct pki_cert *c);
/* Where in its DER the SubjectPublicKeyInfo lies, as it is exported from the public key anew. */
gnutls_datum_t pki_spki(const struct pki_cert *c, const gnutls_datum_t *der);
/* SHA-256 of that. */
void pki_key_id(const struct pki_cert *c, uint8_t id[32]);

#endif
