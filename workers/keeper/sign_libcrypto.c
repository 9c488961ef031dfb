/* SPDX-License-Identifier: BSD-2-Clause */
/* sign.h by OpenSSL's libcrypto, version 3. */
#include "workers/keeper/sign.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/spki.h"
#include "workers/keeper/spki_libcrypto.h"

struct sign_lib {
	EVP_MD *sha256, *sha384, *sha512;
	EVP_MD_CTX *digest;
	OSSL_DECODER_CTX *decoder;	/* of keys, DER: making one takes ten times as long as using it */
	EVP_PKEY *decoded;		/* where it puts the key */
	EVP_PKEY_CTX *maker;		/* of ECDSA keys from their parts */
};

struct sign_key {
	struct sign_lib *lib;
	EVP_PKEY *pkey;
	enum key_kind kind;
	EVP_PKEY_CTX *ctx;	/* set up for `scheme`: a new one costs as much as the signature */
	uint16_t scheme;	/* 0: not yet */
};

/*
 * The library copies key bytes through its heap while it decodes, and wipes
 * some of the copies. These wipe all.
 */
static void wiping_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

static void *plain_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return malloc(size);
}

static void *wiping_realloc(void *p, size_t size, const char *file, int line)
{
	size_t old = p ? malloc_usable_size(p) : 0;
	void *n = malloc(size);

	if (!n)
		return NULL;
	if (p)
		memcpy(n, p, old < size ? old : size);
	wiping_free(p, file, line);
	return n;
}

struct sign_lib *sign_lib_new(void)
{
	CRYPTO_set_mem_functions(plain_malloc, wiping_realloc, wiping_free);
	/* No openssl.cnf: it could load providers that others wrote. */
	if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL)) {
		errno = ENOMEM;
		return NULL;
	}
	struct sign_lib *lib = calloc(1, sizeof *lib);
	if (!lib)
		return NULL;
	lib->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	lib->sha384 = EVP_MD_fetch(NULL, "SHA384", NULL);
	lib->sha512 = EVP_MD_fetch(NULL, "SHA512", NULL);
	lib->digest = EVP_MD_CTX_new();
	lib->decoder = OSSL_DECODER_CTX_new_for_pkey(&lib->decoded, "DER", NULL, NULL, EVP_PKEY_KEYPAIR, NULL, NULL);
	lib->maker = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	if (lib->sha256 && lib->sha384 && lib->sha512 && lib->digest && lib->decoder &&
	    lib->maker && EVP_PKEY_fromdata_init(lib->maker) > 0)
		return lib;
	sign_lib_free(lib);
	errno = ENOMEM;
	return NULL;
}

void sign_lib_free(struct sign_lib *lib)
{
	if (!lib)
		return;
	EVP_PKEY_CTX_free(lib->maker);
	OSSL_DECODER_CTX_free(lib->decoder);
	EVP_MD_CTX_free(lib->digest);
	EVP_MD_free(lib->sha256);
	EVP_MD_free(lib->sha384);
	EVP_MD_free(lib->sha512);
	free(lib);
}

static int ec_kind(const EVP_PKEY *pkey, enum key_kind *kind)
{
	static const struct { const char *group; enum key_kind kind; } known[] = {
		{ "prime256v1", KEY_EC_P256 }, { "secp384r1", KEY_EC_P384 }, { "secp521r1", KEY_EC_P521 },
	};
	char group[32];

	if (!EVP_PKEY_get_group_name((EVP_PKEY *)(size_t)pkey, group, sizeof group, NULL))
		return -ENOTSUP;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strcmp(group, known[i].group) == 0) {
			*kind = known[i].kind;
			return 0;
		}
	}
	return -ENOTSUP;
}

static int kind_of(const EVP_PKEY *pkey, enum key_kind *kind)
{
	if (EVP_PKEY_is_a(pkey, "RSA")) {
		int bits = EVP_PKEY_get_bits(pkey);
		*kind = KEY_RSA;
		return bits >= SIGN_RSA_BITS_MIN && bits <= SIGN_RSA_BITS_MAX ? 0 : -ENOTSUP;
	}
	if (EVP_PKEY_is_a(pkey, "ED25519")) {
		*kind = KEY_ED25519;
		return 0;
	}
	return EVP_PKEY_is_a(pkey, "EC") ? ec_kind(pkey, kind) : -ENOTSUP;
}

/* Any form of a key; NULL if it cannot be decoded. */
static EVP_PKEY *read_der(struct sign_lib *lib, const uint8_t *der, size_t size)
{
	lib->decoded = NULL;
	if (!OSSL_DECODER_from_data(lib->decoder, &der, &size)) {
		EVP_PKEY_free(lib->decoded);
		lib->decoded = NULL;
	}
	return lib->decoded;
}

/* A parameter is a number in the order of this machine. */
static void turn_round(const uint8_t *from, size_t size, uint8_t *to)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	for (size_t i = 0; i < size; i++)
		to[i] = from[size - 1 - i];
#else
	memcpy(to, from, size);
#endif
}

/* NULL: it is of no common form, or bad. The decoder takes twice as long. */
static EVP_PKEY *make_common(struct sign_lib *lib, const uint8_t *der, size_t size)
{
	static const char *const groups[SPKI_FORMS] = { [SPKI_P256] = "P-256", [SPKI_P384] = "P-384" };
	struct pkcs8_common parts;
	uint8_t private[48];
	EVP_PKEY *pkey = NULL;

	if (!pkcs8_common(der, size, &parts))
		return NULL;
	turn_round(parts.private, parts.private_size, private);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(size_t)groups[parts.form], 0),
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, private, parts.private_size),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(size_t)parts.point, spki_forms[parts.form].point_size),
		OSSL_PARAM_construct_end(),
	};
	if (EVP_PKEY_fromdata(lib->maker, &pkey, EVP_PKEY_KEYPAIR, params) <= 0)
		pkey = NULL;
	OPENSSL_cleanse(private, sizeof private);
	return pkey;
}

struct pem {
	char *label, *header;
	uint8_t *der;
	long size;
};

/* PKCS#8 has no headers: only base64 stands between its lines. NULL: something is odd about it. */
static uint8_t *decode_pkcs8(const char *text, size_t size, size_t *n)
{
	static const char begin[] = "-----BEGIN " PEM_STRING_PKCS8INF "-----", end[] = "-----END ";
	const char *body = text + sizeof begin - 1;
	int first = 0, last = 0;

	if (size < sizeof begin || memcmp(text, begin, sizeof begin - 1) != 0)
		return NULL;
	const char *stop = memmem(body, (size_t)(text + size - body), end, sizeof end - 1);
	uint8_t *der = stop ? OPENSSL_malloc((size_t)(stop - body)) : NULL;
	EVP_ENCODE_CTX *ctx = der ? EVP_ENCODE_CTX_new() : NULL;
	if (ctx)
		EVP_DecodeInit(ctx);
	bool ok = ctx && EVP_DecodeUpdate(ctx, der, &first, (const uint8_t *)body, (int)(stop - body)) >= 0 &&
		EVP_DecodeFinal(ctx, der + first, &last) > 0;
	EVP_ENCODE_CTX_free(ctx);
	*n = (size_t)(first + last);
	if (ok && *n > 0)
		return der;
	OPENSSL_clear_free(der, stop ? (size_t)(stop - body) : 0);
	return NULL;
}

static int read_pem(const char *text, size_t size, struct pem *pem)
{
	BIO *bio = BIO_new_mem_buf(text, (int)size);
	int ok = bio && PEM_read_bio(bio, &pem->label, &pem->header, &pem->der, &pem->size);

	BIO_free(bio);
	return ok && pem->size > 0 ? 0 : -EBADMSG;
}

static void pem_clear(struct pem *pem)
{
	OPENSSL_free(pem->label);
	OPENSSL_free(pem->header);
	OPENSSL_clear_free(pem->der, (size_t)pem->size);
}

/* Frees spki. */
static int key_id(struct sign_lib *lib, uint8_t *spki, int size, uint8_t id[KEY_ID_BYTES])
{
	int ok = size > 0 && EVP_Digest(spki, (size_t)size, id, NULL, lib->sha256, NULL);

	OPENSSL_free(spki);
	return ok ? 0 : size > 0 ? -ENOMEM : -EBADMSG;
}

static void take_der(struct pem *pem, struct sign_import *out)
{
	out->der = pem->der;
	out->size = (size_t)pem->size;
	pem->der = NULL;
	pem->size = 0;
}

static bool is_pkcs8(const struct pem *pem)
{
	return strcmp(pem->label, PEM_STRING_PKCS8INF) == 0;
}

/* PKCS#8 stays as it came; the older forms are turned into it. */
static int export_der(EVP_PKEY *pkey, struct pem *pem, struct sign_import *out)
{
	if (is_pkcs8(pem)) {
		take_der(pem, out);
		return 0;
	}
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
	int n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &out->der) : -1;

	PKCS8_PRIV_KEY_INFO_free(info);
	if (n <= 0)
		return -EBADMSG;
	out->size = (size_t)n;
	return 0;
}

/*
 * True if the id could be had without decoding the key, which is left for its
 * first signature. Its text is read without the library's streams, which take
 * longer than all else.
 */
static bool import_unseen(struct sign_lib *lib, const char *text, size_t size, struct sign_import *out)
{
	uint8_t *spki;

	out->der = decode_pkcs8(text, size, &out->size);
	int n = out->der ? spki_of_pkcs8(out->der, out->size, &spki) : 0;
	if (n > 0 && key_id(lib, spki, n, out->id) == 0)
		return true;
	sign_import_clear(out);
	return false;
}

static int import_decoded(struct sign_lib *lib, struct pem *pem, struct sign_import *out)
{
	uint8_t *spki = NULL;
	enum key_kind kind;
	EVP_PKEY *pkey = read_der(lib, pem->der, (size_t)pem->size);

	if (!pkey)
		return -EBADMSG;
	int rc = kind_of(pkey, &kind);
	int size = rc == 0 ? i2d_PUBKEY(pkey, &spki) : 0;
	if (rc == 0)
		rc = key_id(lib, spki, size, out->id);
	if (rc == 0)
		rc = export_der(pkey, pem, out);
	EVP_PKEY_free(pkey);
	return rc;
}

int sign_import_pem(struct sign_lib *lib, const char *text, size_t size, struct sign_import *out)
{
	struct pem pem = { 0 };

	*out = (struct sign_import){ 0 };
	if (import_unseen(lib, text, size, out))
		return 0;
	int rc = read_pem(text, size, &pem);
	if (rc == 0)
		rc = import_decoded(lib, &pem, out);
	pem_clear(&pem);
	return rc;
}

int sign_generate(struct sign_lib *lib, struct sign_import *out)
{
	struct pem none = { .label = (char *)(size_t)"" };
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	uint8_t *spki = NULL;

	*out = (struct sign_import){ 0 };
	if (!pkey)
		return -ENOMEM;
	int size = i2d_PUBKEY(pkey, &spki), rc = key_id(lib, spki, size, out->id);
	if (rc == 0)
		rc = export_der(pkey, &none, out);
	EVP_PKEY_free(pkey);
	return rc;
}

void sign_import_clear(struct sign_import *out)
{
	OPENSSL_clear_free(out->der, out->size);
	*out = (struct sign_import){ 0 };
}

struct sign_key *sign_key_new(struct sign_lib *lib, const uint8_t *der, size_t size)
{
	struct sign_key *key = calloc(1, sizeof *key);

	if (!key)
		return NULL;
	key->lib = lib;
	key->pkey = make_common(lib, der, size);
	if (!key->pkey)
		key->pkey = read_der(lib, der, size);
	key->ctx = key->pkey ? EVP_PKEY_CTX_new(key->pkey, NULL) : NULL;
	if (key->ctx && kind_of(key->pkey, &key->kind) == 0)
		return key;
	sign_key_free(key);
	errno = EBADMSG;
	return NULL;
}

void sign_key_free(struct sign_key *key)
{
	if (!key)
		return;
	EVP_PKEY_CTX_free(key->ctx);
	EVP_PKEY_free(key->pkey);
	free(key);
}

enum key_kind sign_key_kind(const struct sign_key *key) { return key->kind; }

int sign_key_public(const struct sign_key *key, uint8_t *out, size_t cap)
{
	int n = i2d_PUBKEY(key->pkey, NULL);

	if (n <= 0 || (size_t)n > cap)
		return -EMSGSIZE;
	return i2d_PUBKEY(key->pkey, &out);
}

static const EVP_MD *digest_of(const struct sign_lib *lib, uint16_t scheme)
{
	switch (scheme) {
	case SCHEME_RSA_PKCS1_SHA256: case SCHEME_RSA_PSS_SHA256: case SCHEME_ECDSA_SHA256:
		return lib->sha256;
	case SCHEME_RSA_PKCS1_SHA384: case SCHEME_RSA_PSS_SHA384: case SCHEME_ECDSA_SHA384:
		return lib->sha384;
	case SCHEME_RSA_PKCS1_SHA512: case SCHEME_RSA_PSS_SHA512: case SCHEME_ECDSA_SHA512:
		return lib->sha512;
	default:
		return NULL;
	}
}

static bool is_pss(uint16_t scheme)
{
	return scheme == SCHEME_RSA_PSS_SHA256 || scheme == SCHEME_RSA_PSS_SHA384 || scheme == SCHEME_RSA_PSS_SHA512;
}

/* Sets the context up for the scheme, unless it is already. */
static int prepare(struct sign_key *key, uint16_t scheme, const EVP_MD *md)
{
	if (key->scheme == scheme)
		return 0;
	key->scheme = 0;
	if (EVP_PKEY_sign_init(key->ctx) <= 0 || EVP_PKEY_CTX_set_signature_md(key->ctx, md) <= 0)
		return -EINVAL;
	if (is_pss(scheme)) {
		if (EVP_PKEY_CTX_set_rsa_padding(key->ctx, RSA_PKCS1_PSS_PADDING) <= 0 ||
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(key->ctx, RSA_PSS_SALTLEN_DIGEST) <= 0)
			return -EINVAL;
	} else if (key->kind == KEY_RSA && EVP_PKEY_CTX_set_rsa_padding(key->ctx, RSA_PKCS1_PADDING) <= 0) {
		return -EINVAL;
	}
	key->scheme = scheme;
	return 0;
}

/* Ed25519 takes the message whole (RFC 8032). */
static int sign_whole(struct sign_key *key, const uint8_t *data, size_t size, uint8_t *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = SIGN_SIGNATURE_MAX;
	bool ok = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pkey) > 0 &&
		EVP_DigestSign(ctx, out, &n, data, size) > 0;

	EVP_MD_CTX_free(ctx);
	return ok ? (int)n : -EIO;
}

int sign_data(struct sign_key *key, uint16_t scheme, const uint8_t *data, size_t size, uint8_t *out)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned hash_size;
	size_t n = SIGN_SIGNATURE_MAX;

	if (scheme == SCHEME_ED25519)
		return key->kind == KEY_ED25519 ? sign_whole(key, data, size, out) : -EINVAL;
	const EVP_MD *md = digest_of(key->lib, scheme);
	if (!md || key->kind == KEY_ED25519 || prepare(key, scheme, md) < 0)
		return -EINVAL;
	EVP_MD_CTX *ctx = key->lib->digest;
	if (!EVP_DigestInit_ex(ctx, md, NULL) || !EVP_DigestUpdate(ctx, data, size) ||
	    !EVP_DigestFinal_ex(ctx, hash, &hash_size))
		return -EIO;
	return EVP_PKEY_sign(key->ctx, out, &n, hash, hash_size) > 0 ? (int)n : -EIO;
}
