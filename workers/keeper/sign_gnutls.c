/* SPDX-License-Identifier: BSD-2-Clause */
/* sign.h by GnuTLS, for those who do not want a second library for TLS. */
#include "workers/keeper/sign.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

/* The library keeps what it needs by itself, from its constructor on. */
struct sign_lib { char unused; };

struct sign_key {
	gnutls_privkey_t privkey;
	enum key_kind kind;
};

struct sign_lib *sign_lib_new(void)
{
	return calloc(1, sizeof(struct sign_lib));
}

void sign_lib_free(struct sign_lib *lib) { free(lib); }

static int ec_kind(gnutls_ecc_curve_t curve, enum key_kind *kind)
{
	switch (curve) {
	case GNUTLS_ECC_CURVE_SECP256R1: *kind = KEY_EC_P256; return 0;
	case GNUTLS_ECC_CURVE_SECP384R1: *kind = KEY_EC_P384; return 0;
	case GNUTLS_ECC_CURVE_SECP521R1: *kind = KEY_EC_P521; return 0;
	default: return -ENOTSUP;
	}
}

static int kind_of(gnutls_x509_privkey_t key, enum key_kind *kind)
{
	unsigned bits;
	gnutls_ecc_curve_t curve;

	switch (gnutls_x509_privkey_get_pk_algorithm2(key, &bits)) {
	case GNUTLS_PK_RSA:
		*kind = KEY_RSA;
		return bits >= SIGN_RSA_BITS_MIN && bits <= SIGN_RSA_BITS_MAX ? 0 : -ENOTSUP;
	case GNUTLS_PK_EDDSA_ED25519:
		*kind = KEY_ED25519;
		return 0;
	case GNUTLS_PK_ECDSA:
		if (gnutls_x509_privkey_export_ecc_raw(key, &curve, NULL, NULL, NULL) < 0)
			return -ENOTSUP;
		return ec_kind(curve, kind);
	default:
		return -ENOTSUP;
	}
}

static int key_id(gnutls_x509_privkey_t key, uint8_t id[KEY_ID_BYTES])
{
	size_t n = KEY_ID_BYTES;

	return gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, id, &n) < 0 ? -EBADMSG : 0;
}

static int export_der(gnutls_x509_privkey_t key, struct sign_import *out)
{
	gnutls_datum_t der;

	if (gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN, &der) < 0)
		return -EBADMSG;
	out->der = der.data;
	out->size = der.size;
	return 0;
}

static int read_error(int rc)
{
	switch (rc) {
	case GNUTLS_E_MEMORY_ERROR: return -ENOMEM;
	case GNUTLS_E_UNKNOWN_PK_ALGORITHM: case GNUTLS_E_ECC_UNSUPPORTED_CURVE:
	case GNUTLS_E_ECC_NO_SUPPORTED_CURVES: case GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM:
		return -ENOTSUP;
	default: return -EBADMSG;
	}
}

int sign_import_pem(struct sign_lib *lib, const char *pem, size_t size, struct sign_import *out)
{
	gnutls_datum_t text = { (unsigned char *)(size_t)pem, (unsigned)size };
	gnutls_x509_privkey_t key;
	enum key_kind kind;

	(void)lib;
	*out = (struct sign_import){ 0 };
	if (gnutls_x509_privkey_init(&key) < 0)
		return -ENOMEM;
	int rc = gnutls_x509_privkey_import2(key, &text, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);
	rc = rc < 0 ? read_error(rc) : kind_of(key, &kind);
	if (rc == 0)
		rc = key_id(key, out->id);
	if (rc == 0)
		rc = export_der(key, out);
	gnutls_x509_privkey_deinit(key);
	return rc;
}

int sign_generate(struct sign_lib *lib, struct sign_import *out)
{
	gnutls_x509_privkey_t key;

	(void)lib;
	*out = (struct sign_import){ 0 };
	if (gnutls_x509_privkey_init(&key) < 0)
		return -ENOMEM;
	int rc = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) < 0 ? -EIO : 0;
	if (rc == 0)
		rc = key_id(key, out->id);
	if (rc == 0)
		rc = export_der(key, out);
	gnutls_x509_privkey_deinit(key);
	return rc;
}

void sign_import_clear(struct sign_import *out)
{
	if (out->der)
		explicit_bzero(out->der, out->size);
	gnutls_free(out->der);
	*out = (struct sign_import){ 0 };
}

/* The object with the key and its kind; NULL if it cannot be read. */
static gnutls_x509_privkey_t read_der(const uint8_t *der, size_t size, enum key_kind *kind)
{
	gnutls_datum_t data = { (unsigned char *)(size_t)der, (unsigned)size };
	gnutls_x509_privkey_t key;

	if (gnutls_x509_privkey_init(&key) < 0)
		return NULL;
	if (gnutls_x509_privkey_import_pkcs8(key, &data, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN) == 0 &&
	    kind_of(key, kind) == 0)
		return key;
	gnutls_x509_privkey_deinit(key);
	return NULL;
}

struct sign_key *sign_key_new(struct sign_lib *lib, const uint8_t *der, size_t size)
{
	struct sign_key *key = calloc(1, sizeof *key);

	(void)lib;
	if (!key)
		return NULL;
	gnutls_x509_privkey_t x509 = read_der(der, size, &key->kind);
	if (x509 && gnutls_privkey_init(&key->privkey) == 0) {
		if (gnutls_privkey_import_x509(key->privkey, x509, GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE) == 0)
			return key;
		gnutls_privkey_deinit(key->privkey);
	}
	if (x509)
		gnutls_x509_privkey_deinit(x509);
	free(key);
	errno = EBADMSG;
	return NULL;
}

void sign_key_free(struct sign_key *key)
{
	if (!key)
		return;
	gnutls_privkey_deinit(key->privkey);
	free(key);
}

enum key_kind sign_key_kind(const struct sign_key *key) { return key->kind; }

int sign_key_public(const struct sign_key *key, uint8_t *out, size_t cap)
{
	gnutls_pubkey_t pub;
	int rc = gnutls_pubkey_init(&pub) < 0 ? -ENOMEM : 0;

	if (rc < 0)
		return rc;
	if (gnutls_pubkey_import_privkey(pub, key->privkey, 0, 0) < 0)
		rc = -EINVAL;
	else if (gnutls_pubkey_export(pub, GNUTLS_X509_FMT_DER, out, &cap) < 0)
		rc = -EMSGSIZE;
	gnutls_pubkey_deinit(pub);
	return rc < 0 ? rc : (int)cap;
}

/* The ECDSA names without a curve: which curve fits is decided in forms.c. */
static gnutls_sign_algorithm_t algorithm_of(uint16_t scheme)
{
	switch (scheme) {
	case SCHEME_RSA_PKCS1_SHA256: return GNUTLS_SIGN_RSA_SHA256;
	case SCHEME_RSA_PKCS1_SHA384: return GNUTLS_SIGN_RSA_SHA384;
	case SCHEME_RSA_PKCS1_SHA512: return GNUTLS_SIGN_RSA_SHA512;
	case SCHEME_RSA_PSS_SHA256: return GNUTLS_SIGN_RSA_PSS_RSAE_SHA256;
	case SCHEME_RSA_PSS_SHA384: return GNUTLS_SIGN_RSA_PSS_RSAE_SHA384;
	case SCHEME_RSA_PSS_SHA512: return GNUTLS_SIGN_RSA_PSS_RSAE_SHA512;
	case SCHEME_ECDSA_SHA256: return GNUTLS_SIGN_ECDSA_SHA256;
	case SCHEME_ECDSA_SHA384: return GNUTLS_SIGN_ECDSA_SHA384;
	case SCHEME_ECDSA_SHA512: return GNUTLS_SIGN_ECDSA_SHA512;
	case SCHEME_ED25519: return GNUTLS_SIGN_EDDSA_ED25519;
	default: return GNUTLS_SIGN_UNKNOWN;
	}
}

int sign_data(struct sign_key *key, uint16_t scheme, const uint8_t *data, size_t size, uint8_t *out)
{
	gnutls_datum_t text = { (unsigned char *)(size_t)data, (unsigned)size }, signature;
	gnutls_sign_algorithm_t algorithm = algorithm_of(scheme);

	if (algorithm == GNUTLS_SIGN_UNKNOWN)
		return -EINVAL;
	if (gnutls_privkey_sign_data2(key->privkey, algorithm, 0, &text, &signature) < 0)
		return -EIO;
	int n = signature.size <= SIGN_SIGNATURE_MAX ? (int)signature.size : -EMSGSIZE;
	if (n > 0)
		memcpy(out, signature.data, signature.size);
	gnutls_free(signature.data);
	return n;
}
