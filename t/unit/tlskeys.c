/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/unit/tlskeys.h"

#include <assert.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

EVP_PKEY *tlskeys_rsa(int bits) { return EVP_RSA_gen((unsigned)bits); }
EVP_PKEY *tlskeys_ec(const char *curve) { return EVP_EC_gen(curve); }
EVP_PKEY *tlskeys_ed25519(void) { return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"); }

char *tlskeys_pem(EVP_PKEY *key, bool old_form, const char *passphrase)
{
	BIO *bio = BIO_new(BIO_s_mem());
	const EVP_CIPHER *cipher = passphrase ? EVP_aes_128_cbc() : NULL;
	int n = passphrase ? (int)strlen(passphrase) : 0;
	const unsigned char *word = (const unsigned char *)passphrase;
	char *data;

	int ok = old_form ? PEM_write_bio_PrivateKey_traditional(bio, key, cipher, word, n, NULL, NULL)
		: PEM_write_bio_PrivateKey(bio, key, cipher, word, n, NULL, NULL);
	assert(ok);
	long size = BIO_get_mem_data(bio, &data);
	char *text = strndup(data, (size_t)size);
	BIO_free(bio);
	return text;
}

void tlskeys_id(EVP_PKEY *key, uint8_t id[KEY_ID_BYTES])
{
	uint8_t *spki = NULL;
	int n = i2d_PUBKEY(key, &spki);

	assert(n > 0);
	SHA256(spki, (size_t)n, id);
	OPENSSL_free(spki);
}

size_t tlskeys_tls13(uint8_t *out, size_t hash_bytes)
{
	static const char context[] = "TLS 1.3, server CertificateVerify";

	memset(out, ' ', 64);
	memcpy(out + 64, context, sizeof context);
	memset(out + 64 + sizeof context, 0x5a, hash_bytes);
	return 64 + sizeof context + hash_bytes;
}

size_t tlskeys_tls12(uint8_t *out, uint16_t group, uint8_t point_bytes)
{
	memset(out, 0xa5, 68 + point_bytes);
	out[64] = 3;
	out[65] = (uint8_t)(group >> 8);
	out[66] = (uint8_t)group;
	out[67] = point_bytes;
	return 68u + point_bytes;
}

static const EVP_MD *digest_of(uint16_t scheme)
{
	switch (scheme) {
	case 0x0401: case 0x0403: case 0x0804: return EVP_sha256();
	case 0x0501: case 0x0503: case 0x0805: return EVP_sha384();
	case 0x0601: case 0x0603: case 0x0806: return EVP_sha512();
	default: return NULL;
	}
}

bool tlskeys_verify(EVP_PKEY *key, uint16_t scheme, const uint8_t *data, size_t size,
	const uint8_t *signature, size_t signature_size)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	bool ok = EVP_DigestVerifyInit(ctx, &pctx, digest_of(scheme), NULL, key) > 0;

	if (ok && scheme >> 8 == 0x08 && scheme != 0x0807)
		ok = EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) > 0 &&
			EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) > 0;
	ok = ok && EVP_DigestVerify(ctx, signature, signature_size, data, size) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}
