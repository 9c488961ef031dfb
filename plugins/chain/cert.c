/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/chain/cert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <gnutls/x509-ext.h>

#include "common/catalog.h"

#define STATUS_REQUEST 5	/* RFC 6066 8 */
#define TAG_VERSION 0xa0	/* RFC 5280 4.1 */

static void free_bytes(struct bytes *b)
{
	gnutls_free((void *)(uintptr_t)b->data);
}

static void cert_free(struct chain_cert *c)
{
	if (c->crt)
		gnutls_x509_crt_deinit(c->crt);
	free((void *)(uintptr_t)c->der.data);
	free_bytes(&c->subject);
	free_bytes(&c->issuer);
	free(c->name);
	free(c->issuer_name);
	free(c);
}

/* A name; gnutls gives the bytes away. */
static int take_name(struct chain_cert *c, int (*get)(gnutls_x509_crt_t, gnutls_datum_t *), struct bytes *to)
{
	gnutls_datum_t d = { 0 };

	if (get(c->crt, &d) < 0)
		return -EINVAL;
	*to = (struct bytes){ d.data, d.size };
	return 0;
}

static void take_key_ids(struct chain_cert *c)
{
	size_t n = sizeof c->subject_key;

	if (gnutls_x509_crt_get_subject_key_id(c->crt, c->subject_key, &n, NULL) >= 0)
		c->subject_key_size = n;
	n = sizeof c->issuer_key;
	if (gnutls_x509_crt_get_authority_key_id(c->crt, c->issuer_key, &n, NULL) >= 0)
		c->issuer_key_size = n;
}

static bool equal(const void *a, size_t a_size, const void *b, size_t b_size)
{
	return a_size == b_size && memcmp(a, b, a_size) == 0;
}

/* A certificate of version 1 cannot say that it is an authority; old roots are such. */
static void judge_kind(struct chain_cert *c)
{
	bool itself = equal(c->subject.data, c->subject.size, c->issuer.data, c->issuer.size);

	if (itself && c->issuer_key_size > 0 && c->subject_key_size > 0)
		itself = equal(c->issuer_key, c->issuer_key_size, c->subject_key, c->subject_key_size);
	c->ca = gnutls_x509_crt_get_ca_status(c->crt, NULL) > 0 || (itself && gnutls_x509_crt_get_version(c->crt) == 1);
	c->root = itself;
}

static int parse(struct chain_cert *c, const void *der, size_t size)
{
	uint8_t *copy = malloc(size + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, der, size);
	c->der = (struct bytes){ copy, size };
	gnutls_datum_t d = { copy, (unsigned)size };
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, copy, size, c->id) < 0 || gnutls_x509_crt_init(&c->crt) < 0)
		return -ENOMEM;
	if (gnutls_x509_crt_import(c->crt, &d, GNUTLS_X509_FMT_DER) < 0)
		return -EINVAL;
	if (take_name(c, gnutls_x509_crt_get_raw_dn, &c->subject) < 0 || take_name(c, gnutls_x509_crt_get_raw_issuer_dn, &c->issuer) < 0)
		return -EINVAL;
	c->not_before = gnutls_x509_crt_get_activation_time(c->crt);
	c->not_after = gnutls_x509_crt_get_expiration_time(c->crt);
	take_key_ids(c);
	judge_kind(c);
	return 0;
}

struct chain_cert *chain_cert_new(const void *der, size_t size)
{
	struct chain_cert *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->refs = 1;
	int rc = size > UINT16_MAX ? -EINVAL : parse(c, der, size);
	if (rc == 0)
		return c;
	cert_free(c);
	errno = -rc;
	return NULL;
}

struct chain_cert *chain_cert_from_pem(const char *text, size_t size)
{
	gnutls_datum_t pem = { .data = (unsigned char *)(uintptr_t)text, .size = (unsigned)size }, der = { 0 };

	if (gnutls_pem_base64_decode2(NULL, &pem, &der) < 0) {
		errno = EINVAL;
		return NULL;
	}
	struct chain_cert *c = chain_cert_new(der.data, der.size);
	int err = errno;
	gnutls_free(der.data);
	errno = err;
	return c;
}

struct chain_cert *chain_cert_ref(struct chain_cert *c)
{
	c->refs++;
	return c;
}

void chain_cert_unref(struct chain_cert *c)
{
	if (c && --c->refs == 0)
		cert_free(c);
}

bool chain_cert_same(const struct chain_cert *a, const struct chain_cert *b)
{
	return memcmp(a->id, b->id, sizeof a->id) == 0;
}

static bool key_hash(const struct chain_cert *c, uint8_t hash[CERT_ID_BYTES])
{
	size_t n = CERT_ID_BYTES;

	return gnutls_x509_crt_get_key_id(c->crt, GNUTLS_KEYID_USE_SHA256, hash, &n) >= 0;
}

bool chain_cert_same_holder(const struct chain_cert *a, const struct chain_cert *b)
{
	uint8_t ha[CERT_ID_BYTES], hb[CERT_ID_BYTES];

	if (!equal(a->subject.data, a->subject.size, b->subject.data, b->subject.size))
		return false;
	return chain_cert_same(a, b) || (key_hash(a, ha) && key_hash(b, hb) && memcmp(ha, hb, sizeof ha) == 0);
}

bool chain_cert_names_issuer(const struct chain_cert *c, const struct chain_cert *issuer, bool *sure)
{
	*sure = c->issuer_key_size > 0 && issuer->subject_key_size > 0;
	if (!issuer->ca || !equal(c->issuer.data, c->issuer.size, issuer->subject.data, issuer->subject.size))
		return false;
	return !*sure || equal(c->issuer_key, c->issuer_key_size, issuer->subject_key, issuer->subject_key_size);
}

/* What lies at *at in DER: its header and its contents; *at moves behind it. */
static bool next_element(const uint8_t **at, const uint8_t *end, gnutls_datum_t *whole, const uint8_t **contents)
{
	const uint8_t *p = *at + 2;
	size_t size;

	if (end - *at < 2)
		return false;
	size = (*at)[1];
	if (size > 0x82 || size == 0x80)	/* no certificate is longer than UINT16_MAX */
		return false;
	if (size > 0x80) {
		int n = (int)size - 0x80;
		if (end - p < n)
			return false;
		for (size = 0; n > 0; n--)
			size = size << 8 | *p++;
	}
	if ((size_t)(end - p) < size)
		return false;
	*whole = (gnutls_datum_t){ (unsigned char *)(uintptr_t)*at, (unsigned)(p + size - *at) };
	*contents = p;
	*at = p + size;
	return true;
}

/* What the issuer has signed (RFC 5280 4.1.1.1). */
static bool signed_part(const struct chain_cert *c, gnutls_datum_t *tbs)
{
	const uint8_t *at = c->der.data, *inside, *unused;
	gnutls_datum_t whole;

	return next_element(&at, at + c->der.size, &whole, &inside) && next_element(&inside, at, tbs, &unused);
}

struct bytes chain_cert_spki(const struct chain_cert *c)
{
	const uint8_t *at, *end, *unused;
	gnutls_datum_t part;

	if (!signed_part(c, &part))
		return (struct bytes){ NULL, 0 };
	end = part.data;
	if (!next_element(&end, part.data + part.size, &part, &at))
		return (struct bytes){ NULL, 0 };
	/* serialNumber, signature, issuer, validity, subject; [0] version before them, if it is not the first one. */
	for (int before = at < end && *at == TAG_VERSION ? 6 : 5; before >= 0; before--)
		if (!next_element(&at, end, &part, &unused))
			return (struct bytes){ NULL, 0 };
	return (struct bytes){ part.data, part.size };
}

static bool signed_by(const struct chain_cert *c, gnutls_pubkey_t key)
{
	unsigned char bytes[1024];	/* RSA of 8192 bits */
	gnutls_datum_t tbs, signature = { .data = bytes };
	size_t size = sizeof bytes;
	int algorithm = gnutls_x509_crt_get_signature_algorithm(c->crt);

	if (algorithm < 0 || !signed_part(c, &tbs) || gnutls_x509_crt_get_signature(c->crt, (char *)bytes, &size) < 0)
		return false;
	signature.size = (unsigned)size;
	/* Whether an algorithm is still good is for whoever is served. */
	return gnutls_pubkey_verify_data2(key, (gnutls_sign_algorithm_t)algorithm, GNUTLS_VERIFY_ALLOW_BROKEN, &tbs, &signature) >= 0;
}

bool chain_cert_verify(struct chain_cert *c, const struct chain_cert *issuer)
{
	gnutls_pubkey_t key = NULL;

	if (memcmp(c->verified_id, issuer->id, sizeof c->verified_id) == 0)
		return c->verified;
	c->verified = gnutls_pubkey_init(&key) >= 0 && gnutls_pubkey_import_x509(key, issuer->crt, 0) >= 0 && signed_by(c, key);
	if (key)
		gnutls_pubkey_deinit(key);
	memcpy(c->verified_id, issuer->id, sizeof c->verified_id);
	return c->verified;
}

bool chain_cert_forbids(const struct chain_cert *issuer, const struct chain_cert *c)
{
	gnutls_x509_name_constraints_t nc = NULL;
	bool forbidden = false;

	if (gnutls_x509_name_constraints_init(&nc) < 0)
		return false;
	if (gnutls_x509_crt_get_name_constraints(issuer->crt, nc, 0, NULL) >= 0)
		forbidden = !gnutls_x509_name_constraints_check_crt(nc, GNUTLS_SAN_DNSNAME, c->crt);
	gnutls_x509_name_constraints_deinit(nc);
	return forbidden;
}

static char *make_text(struct chain_cert *c, int (*get)(gnutls_x509_crt_t, gnutls_datum_t *, unsigned))
{
	gnutls_datum_t d = { 0 };

	if (get(c->crt, &d, 0) < 0)
		return NULL;
	size_t n = d.size < CATALOG_TEXT_MAX ? d.size : CATALOG_TEXT_MAX;
	char *text = malloc(n + 1);
	for (size_t i = 0; text && i < n; i++)
		text[i] = d.data[i] >= ' ' && d.data[i] < 0x7f ? (char)d.data[i] : '?';
	if (text)
		text[n] = '\0';
	gnutls_free(d.data);
	return text;
}

const char *chain_cert_name(struct chain_cert *c)
{
	if (!c->name)
		c->name = make_text(c, gnutls_x509_crt_get_dn3);
	return c->name ? c->name : "(no name)";
}

const char *chain_cert_issuer_name(struct chain_cert *c)
{
	if (!c->issuer_name)
		c->issuer_name = make_text(c, gnutls_x509_crt_get_issuer_dn3);
	return c->issuer_name ? c->issuer_name : "(no name)";
}

/* What HTTP can be asked for, and nothing that a log or a terminal would mind. */
static bool is_url(const gnutls_datum_t *d, size_t size)
{
	if (d->size < 8 || d->size >= size || strncasecmp((const char *)d->data, "http://", 7) != 0)
		return false;
	for (unsigned i = 0; i < d->size; i++)
		if (d->data[i] <= ' ' || d->data[i] >= 0x7f)
			return false;
	return true;
}

/* The i-th of a kind that is_url(). */
static bool access_url(const struct chain_cert *c, int what, int i, char *url, size_t size)
{
	gnutls_datum_t d = { 0 };
	bool found = false;

	for (unsigned seq = 0; seq < 2 * CERT_URLS_MAX && !found; seq++) {
		int rc = gnutls_x509_crt_get_authority_info_access(c->crt, seq, what, &d, NULL);
		if (rc == GNUTLS_E_UNKNOWN_ALGORITHM)	/* of another kind: the next one may be ours */
			continue;
		if (rc < 0)
			return false;
		found = is_url(&d, size) && i-- == 0;
		if (found)
			snprintf(url, size, "%.*s", (int)d.size, (const char *)d.data);
		gnutls_free(d.data);
	}
	return found;
}

bool chain_cert_url(const struct chain_cert *c, int i, char *url, size_t size)
{
	return access_url(c, GNUTLS_IA_CAISSUERS_URI, i, url, size);
}

bool chain_cert_responder(const struct chain_cert *c, char *url, size_t size)
{
	return access_url(c, GNUTLS_IA_OCSP_URI, 0, url, size);
}

bool chain_cert_must_staple(const struct chain_cert *c)
{
	gnutls_x509_tlsfeatures_t features = NULL;
	bool must = false;
	unsigned feature;

	if (gnutls_x509_tlsfeatures_init(&features) < 0)
		return false;
	if (gnutls_x509_crt_get_tlsfeatures(c->crt, features, 0, NULL) >= 0)
		for (unsigned i = 0; !must && gnutls_x509_tlsfeatures_get(features, i, &feature) >= 0; i++)
			must = feature == STATUS_REQUEST;
	gnutls_x509_tlsfeatures_deinit(features);
	return must;
}
