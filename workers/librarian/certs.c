/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/certs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <gnutls/crypto.h>
#include <gnutls/x509-ext.h>
#include <gnutls/x509.h>

#include "common/names.h"
#include "common/spki.h"
#include "workers/librarian/file.h"
#include "workers/librarian/pem.h"
#include "workers/librarian/words.h"

#define SAN_OID "2.5.29.17"	/* RFC 5280 4.2.1.6 */
#define NAMES_TOLD 3		/* names that one warning repeats */

/* The certificates of one file. */
struct pile {
	struct chain_cert *certs[CERTS_FILE_MAX];
	int n;
};

static void pile_clear(struct pile *pile)
{
	for (int i = 0; i < pile->n; i++)
		chain_cert_unref(pile->certs[i]);
	pile->n = 0;
}

static int pile_add(struct pile *pile, const struct pem_block *b, struct certs *c)
{
	if (pile->n == CERTS_FILE_MAX) {
		words_say(c->error, "it holds more than %d certificates", CERTS_FILE_MAX);
		return -EINVAL;
	}
	if (b->cut) {
		words_say(c->error, "certificate %d in it is cut off (its END line is missing)", pile->n + 1);
		return -EINVAL;
	}
	pile->certs[pile->n] = chain_cert_from_pem(b->text, b->size);
	if (pile->certs[pile->n]) {
		pile->n++;
		return 0;
	}
	words_say(c->error, "certificate %d in it is damaged%s", pile->n + 1, errno == ENOMEM ? ", or memory ran out" : "");
	return -EINVAL;
}

static void say_no_certificate(struct certs *c, const unsigned char *data, size_t size)
{
	if (size == 0)
		words_say(c->error, "it is empty; it should hold certificates in PEM form");
	else if (size > 4 && data[0] == 0x30 && data[1] > 0x80 && data[1] < 0x85)
		words_say(c->error, "it holds no certificate in PEM form; it looks like DER or PKCS#12 and must be converted");
	else
		words_say(c->error, "it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)");
}

static int pile_fill(struct pile *pile, const char *pem, size_t size, struct certs *c)
{
	const char *at = pem, *end = pem + size;
	struct pem_block b;
	bool key = false;

	while (pem_next(&at, end, &b)) {
		key |= pem_is_private_key(&b);
		if (pem_is_certificate(&b) && pile_add(pile, &b, c) < 0)
			return -EINVAL;
	}
	if (pile->n == 0) {
		say_no_certificate(c, (const unsigned char *)pem, size);
		return -EINVAL;
	}
	if (key)
		words_say(c->warning, "it holds a private key too: name it as key as well, so that only the keeper reads it");
	return 0;
}

static int check_leaf(const struct pile *pile, struct certs *c)
{
	int cas = 0;

	for (int i = 0; i < pile->n; i++)
		cas += pile->certs[i]->ca;
	if (!pile->certs[0]->ca)
		return 0;
	c->only_cas = cas == pile->n;
	if (c->only_cas)
		words_say(c->error, "is a CA certificate (CA:TRUE), which no client takes for a server's own");
	else
		words_say(c->error, "its first certificate is a CA certificate; the server's own must come first, its chain after it");
	return -EINVAL;
}

static void take_key_usage(const struct chain_cert *leaf, struct certs *c)
{
	unsigned usage;

	if (gnutls_x509_crt_get_key_usage(leaf->crt, &usage, NULL) >= 0)
		c->key_usage = usage;
}

/*
 * As most are written: then its id is the hash of what lies there. GnuTLS takes
 * the key apart and puts it together again for that, which costs a fifth of
 * reading a certificate.
 */
static bool take_common_key(struct certs *c)
{
	static const enum catalog_key keys[SPKI_FORMS] = { [SPKI_P256] = CATALOG_ECDSA_P256, [SPKI_P384] = CATALOG_ECDSA_P384 };
	int form = spki_form_of(c->spki.data, c->spki.size);

	if (form < 0)
		return false;
	c->key = keys[form];
	c->key_bits = spki_forms[form].bits;
	return gnutls_hash_fast(GNUTLS_DIG_SHA256, c->spki.data, c->spki.size, c->key_id) >= 0;
}

static int take_any_key(const struct chain_cert *leaf, struct certs *c)
{
	gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
	size_t size = sizeof c->key_id;
	unsigned bits = 0;
	int algorithm = gnutls_x509_crt_get_pk_algorithm(leaf->crt, &bits);

	c->key_bits = bits;
	if (gnutls_x509_crt_get_key_id(leaf->crt, GNUTLS_KEYID_USE_SHA256, c->key_id, &size) < 0) {
		words_say(c->error, "its public key cannot be read");
		return -EINVAL;
	}
	gnutls_x509_crt_get_pk_ecc_raw(leaf->crt, &curve, NULL, NULL);
	if (algorithm == GNUTLS_PK_RSA)
		c->key = CATALOG_RSA;
	else if (algorithm == GNUTLS_PK_EDDSA_ED25519)
		c->key = CATALOG_ED25519;
	else if (algorithm == GNUTLS_PK_ECDSA && curve == GNUTLS_ECC_CURVE_SECP256R1)
		c->key = CATALOG_ECDSA_P256;
	else if (algorithm == GNUTLS_PK_ECDSA && curve == GNUTLS_ECC_CURVE_SECP384R1)
		c->key = CATALOG_ECDSA_P384;
	else if (algorithm == GNUTLS_PK_ECDSA && curve == GNUTLS_ECC_CURVE_SECP521R1)
		c->key = CATALOG_ECDSA_P521;
	else {
		words_say(c->error, "its key is of a kind that is not supported; RSA, ECDSA (P-256, P-384, P-521) and Ed25519 are");
		return -EINVAL;
	}
	return 0;
}

static int take_key(const struct chain_cert *leaf, struct certs *c)
{
	c->spki = chain_cert_spki(leaf);
	if (c->spki.size == 0) {
		words_say(c->error, "its public key cannot be read");
		return -EINVAL;
	}
	take_key_usage(leaf, c);
	return take_common_key(c) ? 0 : take_any_key(leaf, c);
}

static void take_times(const struct chain_cert *leaf, struct certs *c, int64_t now)
{
	char text[32];

	c->not_before = leaf->not_before;
	c->not_after = leaf->not_after;
	if (now > c->not_after)
		words_say(c->warning, "the certificate expired on %s", words_day(c->not_after, text));
	else if (now < c->not_before)
		words_say(c->warning, "the certificate is not valid before %s", words_day(c->not_before, text));
}

/* Wildcards are taken as the whole first label only (RFC 6125 6.4.3). */
static int take_name(struct certs *c, const void *bytes, size_t size, unsigned *bad)
{
	char name[NAME_BYTES], text[64];

	if (!name_normalize(bytes, size, true, name) || name_is_ip(name)) {
		if ((*bad)++ < NAMES_TOLD)
			words_say(c->warning, "'%s' is no host name and is not served", words_shown(bytes, size, text));
		return 0;
	}
	if (c->names_n == CERTS_NAMES_MAX) {
		words_say(c->warning, "it has more than %d names; the rest is not served", CERTS_NAMES_MAX);
		return -E2BIG;
	}
	c->names[c->names_n] = strdup(name);
	if (!c->names[c->names_n]) {
		words_say(c->warning, "no memory for all of its names");
		return -ENOMEM;
	}
	c->names_n++;
	return 0;
}

/* True if there was any dNSName. */
static bool take_alternative_names(const struct chain_cert *leaf, struct certs *c, unsigned *bad)
{
	gnutls_subject_alt_names_t sans = NULL;
	gnutls_datum_t ext = { 0 }, name;
	unsigned type;
	bool any = false, full = false;

	if (gnutls_x509_crt_get_extension_by_oid2(leaf->crt, SAN_OID, 0, &ext, NULL) < 0)
		return false;
	int rc = gnutls_subject_alt_names_init(&sans);
	if (rc >= 0)
		rc = gnutls_x509_ext_import_subject_alt_names(&ext, sans, 0);
	if (rc < 0)
		words_say(c->warning, "its subjectAltName cannot be read (%s)", gnutls_strerror(rc));
	for (unsigned i = 0; rc >= 0 && !full && gnutls_subject_alt_names_get(sans, i, &type, &name, NULL) >= 0; i++) {
		if (type != GNUTLS_SAN_DNSNAME)
			continue;
		any = true;
		full = take_name(c, name.data, name.size, bad) < 0;
	}
	if (sans)
		gnutls_subject_alt_names_deinit(sans);
	gnutls_free(ext.data);
	return any;
}

static void take_common_name(const struct chain_cert *leaf, struct certs *c, unsigned *bad)
{
	char cn[512];
	size_t size = sizeof cn;

	if (gnutls_x509_crt_get_dn_by_oid(leaf->crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, cn, &size) >= 0)
		take_name(c, cn, size, bad);
}

static int take_names(const struct chain_cert *leaf, struct certs *c)
{
	unsigned bad = 0;

	c->names = calloc(CERTS_NAMES_MAX, sizeof *c->names);
	if (!c->names) {
		words_say(c->error, "no memory");
		return -EINVAL;
	}
	c->names_from_cn = !take_alternative_names(leaf, c, &bad);
	if (c->names_from_cn)
		take_common_name(leaf, c, &bad);
	if (bad > NAMES_TOLD)
		words_say(c->warning, "and %u more such names", bad - NAMES_TOLD);
	if (c->names_n > 0)
		return 0;
	words_say(c->error, "no host name is in the certificate, neither as dNSName nor as CN");
	return -EINVAL;
}

/* Gives the pile's certificates to c. */
static void take_certs(struct pile *pile, struct certs *c)
{
	c->cert = pile->certs[0];
	c->der = c->cert->der;
	for (int i = 1; i < pile->n; i++)
		c->others[c->others_n++] = pile->certs[i];
	pile->n = 0;
}

/* Takes what is in the pile. */
static int take_pile(struct certs *c, struct pile *pile, int64_t now)
{
	int rc = check_leaf(pile, c);

	if (rc == 0)
		rc = take_key(pile->certs[0], c);
	if (rc == 0)
		rc = take_names(pile->certs[0], c);
	if (rc == 0) {
		take_times(pile->certs[0], c, now);
		take_certs(pile, c);
	}
	pile_clear(pile);
	return rc;
}

int certs_parse(struct certs *c, const void *pem, size_t size, int64_t now)
{
	struct pile pile = { .n = 0 };

	*c = (struct certs){ 0 };
	if (pile_fill(&pile, pem, size, c) == 0)
		return take_pile(c, &pile, now);
	pile_clear(&pile);
	return -EINVAL;
}

int certs_take(struct certs *c, struct chain_cert *own, struct chain_cert *const *others, int others_n, int64_t now)
{
	struct pile pile = { .certs = { chain_cert_ref(own) }, .n = 1 };

	for (int i = 0; i < others_n && pile.n < CERTS_FILE_MAX; i++)
		pile.certs[pile.n++] = chain_cert_ref(others[i]);
	*c = (struct certs){ 0 };
	return take_pile(c, &pile, now);
}

int certs_read(struct certs *c, int fd, int64_t now)
{
	size_t size;
	char *data;

	*c = (struct certs){ 0 };
	if (file_read(fd, CERTS_FILE_BYTES_MAX, &data, &size, c->error) < 0)
		return -EINVAL;
	int rc = certs_parse(c, data, size, now);
	file_forget(data, size);
	return rc;
}

void certs_clear(struct certs *c)
{
	chain_cert_unref(c->cert);
	for (int i = 0; i < c->others_n; i++)
		chain_cert_unref(c->others[i]);
	for (uint32_t i = 0; i < c->names_n; i++)
		free(c->names[i]);
	free(c->names);
	*c = (struct certs){ 0 };
}
