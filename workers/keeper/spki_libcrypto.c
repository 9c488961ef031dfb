/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/keeper/spki_libcrypto.h"

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <string.h>

#include "common/spki.h"
#include "workers/keeper/sign.h"

#define PART(text) text, sizeof text - 1

/* What a key is made of (its AlgorithmIdentifier, its parts); freed by clear(). */
struct parts {
	PKCS8_PRIV_KEY_INFO *info;
	ASN1_SEQUENCE_ANY *list;	/* of the key itself */
	const X509_ALGOR *algorithm;
};

static int parts_read(struct parts *p, const uint8_t *der, size_t size)
{
	const uint8_t *at = der, *key;
	int key_size;

	p->info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)size);
	if (!p->info || at != der + size || !PKCS8_pkey_get0(NULL, &key, &key_size, &p->algorithm, p->info))
		return -1;
	at = key;
	p->list = d2i_ASN1_SEQUENCE_ANY(NULL, &at, key_size);
	return p->list && at == key + key_size ? 0 : -1;
}

static void parts_clear(struct parts *p)
{
	sk_ASN1_TYPE_pop_free(p->list, ASN1_TYPE_free);
	PKCS8_PRIV_KEY_INFO_free(p->info);
}

static const ASN1_STRING *part(const struct parts *p, int i, int type)
{
	const ASN1_TYPE *t = sk_ASN1_TYPE_value(p->list, i);

	return t && t->type == type ? t->value.asn1_string : NULL;
}

/* Gives away what it is given. */
static int encode(int nid, int parameters_type, void *parameters, uint8_t *bits, int bits_size, uint8_t **spki)
{
	X509_PUBKEY *pub = X509_PUBKEY_new();
	int n = 0;

	*spki = NULL;
	if (pub && bits && X509_PUBKEY_set0_param(pub, OBJ_nid2obj(nid), parameters_type, parameters, bits, bits_size))
		n = i2d_X509_PUBKEY(pub, spki);
	else
		OPENSSL_free(bits);
	X509_PUBKEY_free(pub);
	return n > 0 ? n : 0;
}

/* ---- RSAPrivateKey (RFC 8017 A.1.2): version, n, e, ... ---- */

static int rsa_bits(const ASN1_STRING *n)
{
	const uint8_t *at = ASN1_STRING_get0_data(n);
	int size = ASN1_STRING_length(n), bits = 8 * size;

	for (int top = size > 0 ? at[0] : 0; top > 0 && top < 0x80; top *= 2)
		bits--;
	return bits;
}

/* RSAPublicKey (A.1.1): n, e. */
static int rsa_public(const struct parts *p, uint8_t **out)
{
	ASN1_SEQUENCE_ANY *list = sk_ASN1_TYPE_new_null();
	int n = 0;

	*out = NULL;
	if (list && sk_ASN1_TYPE_push(list, sk_ASN1_TYPE_value(p->list, 1)) && sk_ASN1_TYPE_push(list, sk_ASN1_TYPE_value(p->list, 2)))
		n = i2d_ASN1_SEQUENCE_ANY(list, out);
	sk_ASN1_TYPE_free(list);
	return n;
}

static int rsa_spki(const struct parts *p, uint8_t **spki)
{
	const ASN1_STRING *n = part(p, 1, V_ASN1_INTEGER);
	uint8_t *bits;

	if (sk_ASN1_TYPE_num(p->list) != 9 || !n || !part(p, 2, V_ASN1_INTEGER))
		return 0;
	if (rsa_bits(n) < SIGN_RSA_BITS_MIN || rsa_bits(n) > SIGN_RSA_BITS_MAX)
		return 0;
	int size = rsa_public(p, &bits);
	return encode(NID_rsaEncryption, V_ASN1_NULL, NULL, bits, size, spki);
}

/* ---- ECPrivateKey (RFC 5915): version, private key, [0] parameters, [1] public key ---- */

static int field_bytes(int curve)
{
	switch (curve) {
	case NID_X9_62_prime256v1: return 32;
	case NID_secp384r1: return 48;
	case NID_secp521r1: return 66;
	default: return 0;
	}
}

/* The point within "[1] { BIT STRING { point } }", of that many bytes; NULL: something else. */
static const uint8_t *point_within(const ASN1_STRING *tagged, int point_bytes)
{
	const uint8_t *at = ASN1_STRING_get0_data(tagged), *end = at + ASN1_STRING_length(tagged);
	long size;
	int tag, class;

	if (ASN1_get_object(&at, &size, &tag, &class, end - at) != V_ASN1_CONSTRUCTED ||
	    tag != 1 || class != V_ASN1_CONTEXT_SPECIFIC || at + size != end)
		return NULL;
	if (ASN1_get_object(&at, &size, &tag, &class, end - at) != 0 || tag != V_ASN1_BIT_STRING ||
	    class != V_ASN1_UNIVERSAL || at + size != end)
		return NULL;
	/* No unused bits, not compressed. */
	return size == 1 + point_bytes && at[0] == 0 && at[1] == 4 ? at + 1 : NULL;
}

static int ec_spki(const struct parts *p, uint8_t **spki)
{
	int type, last = sk_ASN1_TYPE_num(p->list) - 1;
	const void *curve;

	X509_ALGOR_get0(NULL, &type, &curve, p->algorithm);
	int field = type == V_ASN1_OBJECT ? field_bytes(OBJ_obj2nid(curve)) : 0, point_bytes = 1 + 2 * field;
	const ASN1_STRING *private = part(p, 1, V_ASN1_OCTET_STRING), *tagged = last >= 2 ? part(p, last, V_ASN1_OTHER) : NULL;
	if (field == 0 || !private || ASN1_STRING_length(private) != field || !tagged)
		return 0;
	const uint8_t *point = point_within(tagged, point_bytes);
	if (!point)
		return 0;
	return encode(NID_X9_62_id_ecPublicKey, V_ASN1_OBJECT, OBJ_nid2obj(OBJ_obj2nid(curve)),
		OPENSSL_memdup(point, (size_t)point_bytes), point_bytes, spki);
}

/* ---- the common forms, which are compared and not taken apart ---- */

/* PrivateKeyInfo (RFC 5208 5) up to the private key, what stands between it and the point. */
static const struct form { const char *head; size_t head_size; const char *middle; size_t middle_size, private_size; } forms[SPKI_FORMS] = {
	[SPKI_P256] = { PART("\x30\x81\x87\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
		"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x04\x6d\x30\x6b\x02\x01\x01\x04\x20"),
		PART("\xa1\x44\x03\x42\x00"), 32 },
	[SPKI_P384] = { PART("\x30\x81\xb6\x02\x01\x00\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
		"\x06\x05\x2b\x81\x04\x00\x22\x04\x81\x9e\x30\x81\x9b\x02\x01\x01\x04\x30"),
		PART("\xa1\x64\x03\x62\x00"), 48 },
};

static bool has_form(const struct form *f, size_t point_size, const uint8_t *der, size_t size)
{
	const uint8_t *middle = der + f->head_size + f->private_size;

	return size == f->head_size + f->private_size + f->middle_size + point_size &&
		memcmp(der, f->head, f->head_size) == 0 && memcmp(middle, f->middle, f->middle_size) == 0 &&
		middle[f->middle_size] == 4;
}

bool pkcs8_common(const uint8_t *der, size_t size, struct pkcs8_common *parts)
{
	for (int i = 0; i < SPKI_FORMS; i++) {
		const struct form *f = &forms[i];
		if (!has_form(f, spki_forms[i].point_size, der, size))
			continue;
		*parts = (struct pkcs8_common){ i, der + f->head_size, der + size - spki_forms[i].point_size, f->private_size };
		return true;
	}
	return false;
}

static int common_spki(const struct pkcs8_common *parts, uint8_t **spki)
{
	const struct spki_form *f = &spki_forms[parts->form];

	*spki = OPENSSL_malloc(f->head_size + f->point_size);
	if (!*spki)
		return 0;
	memcpy(*spki, f->head, f->head_size);
	memcpy(*spki + f->head_size, parts->point, f->point_size);
	return (int)(f->head_size + f->point_size);
}

int spki_of_pkcs8(const uint8_t *der, size_t size, uint8_t **spki)
{
	struct pkcs8_common common;
	struct parts p = { 0 };
	const ASN1_OBJECT *kind = NULL;
	int n = 0;

	if (pkcs8_common(der, size, &common))
		return common_spki(&common, spki);
	if (parts_read(&p, der, size) == 0) {
		X509_ALGOR_get0(&kind, NULL, NULL, p.algorithm);
		if (OBJ_obj2nid(kind) == NID_rsaEncryption)
			n = rsa_spki(&p, spki);
		else if (OBJ_obj2nid(kind) == NID_X9_62_id_ecPublicKey)
			n = ec_spki(&p, spki);
	}
	parts_clear(&p);
	return n;
}
