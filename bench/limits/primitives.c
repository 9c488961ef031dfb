/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Program bench-primitives: what the libraries need for the arithmetic that a
 * handshake and a record consist of. Prints one array of JSON. Its argument is
 * how many seconds each is run for.
 */
#include <gnutls/crypto.h>
#include <gnutls/abstract.h>
#include <nettle/curve25519.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FOR_SECONDS 0.2
#define RECORD_BYTES 16384

struct job {
	EVP_PKEY *key, *peer;
	EVP_PKEY_CTX *sign, *derive;
	EVP_CIPHER_CTX *cipher;
	gnutls_privkey_t gkey;
	gnutls_sign_algorithm_t algorithm;
	gnutls_aead_cipher_hd_t aead;
	uint8_t digest[32], nonce[12], scalar[32], point[32], record[RECORD_BYTES + 16], out[RECORD_BYTES + 512];
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench-primitives: %s failed\n", what);
	exit(1);
}

/* ---- one of each ---- */

static void sign_libcrypto(struct job *j)
{
	size_t n = sizeof j->out;

	must(EVP_PKEY_sign(j->sign, j->out, &n, j->digest, sizeof j->digest) == 1, "EVP_PKEY_sign");
}

static void sign_gnutls(struct job *j)
{
	const gnutls_datum_t hash = { .data = j->digest, .size = sizeof j->digest };
	gnutls_datum_t out;

	must(gnutls_privkey_sign_hash2(j->gkey, j->algorithm, 0, &hash, &out) == 0, "gnutls_privkey_sign_hash2");
	gnutls_free(out.data);
}

static void derive_libcrypto(struct job *j)
{
	size_t n = sizeof j->out;

	must(EVP_PKEY_derive(j->derive, j->out, &n) == 1, "EVP_PKEY_derive");
}

static void derive_nettle(struct job *j) { curve25519_mul(j->out, j->scalar, j->point); }

static void derive_sodium(struct job *j)
{
	must(crypto_scalarmult_curve25519(j->out, j->scalar, j->point) == 0, "crypto_scalarmult_curve25519");
}

static void seal_libcrypto(struct job *j)
{
	int n;

	EVP_EncryptInit_ex(j->cipher, NULL, NULL, NULL, j->nonce);
	must(EVP_EncryptUpdate(j->cipher, j->out, &n, j->record, RECORD_BYTES) == 1, "EVP_EncryptUpdate");
	EVP_EncryptFinal_ex(j->cipher, j->out + n, &n);
}

static void seal_gnutls(struct job *j)
{
	size_t n = sizeof j->out;

	must(gnutls_aead_cipher_encrypt(j->aead, j->nonce, sizeof j->nonce, NULL, 0, 16, j->record, RECORD_BYTES,
		j->out, &n) == 0, "gnutls_aead_cipher_encrypt");
}

/* ---- keys ---- */

/* The same key for both libraries, by way of its DER form. */
static void take_key(struct job *j, EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int n = i2d_PrivateKey(key, &der);
	gnutls_datum_t d = { .data = der, .size = (unsigned)n };

	j->key = key;
	j->sign = EVP_PKEY_CTX_new(key, NULL);
	must(n > 0 && j->sign && EVP_PKEY_sign_init(j->sign) == 1, "libcrypto's key");
	must(gnutls_privkey_init(&j->gkey) == 0 &&
		gnutls_privkey_import_x509_raw(j->gkey, &d, GNUTLS_X509_FMT_DER, NULL, 0) == 0, "GnuTLS's key");
	OPENSSL_free(der);
}

static void prepare_ecdsa(struct job *j)
{
	take_key(j, EVP_EC_gen("P-256"));
	j->algorithm = GNUTLS_SIGN_ECDSA_SHA256;
}

static void prepare_rsa(struct job *j)
{
	take_key(j, EVP_RSA_gen(2048));
	EVP_PKEY_CTX_set_rsa_padding(j->sign, RSA_PKCS1_PSS_PADDING);
	EVP_PKEY_CTX_set_rsa_pss_saltlen(j->sign, RSA_PSS_SALTLEN_DIGEST);
	EVP_PKEY_CTX_set_signature_md(j->sign, EVP_sha256());
	j->algorithm = GNUTLS_SIGN_RSA_PSS_RSAE_SHA256;
}

static void prepare_x25519(struct job *j)
{
	j->key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	j->peer = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	j->derive = EVP_PKEY_CTX_new(j->key, NULL);
	must(EVP_PKEY_derive_init(j->derive) == 1 && EVP_PKEY_derive_set_peer(j->derive, j->peer) == 1, "X25519");
	memset(j->scalar, 0x45, sizeof j->scalar);
	curve25519_mul_g(j->point, j->scalar);
}

static void prepare_aead(struct job *j)
{
	static uint8_t bytes[16] = { 1 };
	const gnutls_datum_t key = { .data = bytes, .size = 16 };

	j->cipher = EVP_CIPHER_CTX_new();
	must(EVP_EncryptInit_ex(j->cipher, EVP_aes_128_gcm(), NULL, bytes, NULL) == 1, "AES-GCM");
	must(gnutls_aead_cipher_init(&j->aead, GNUTLS_CIPHER_AES_128_GCM, &key) == 0, "GnuTLS's AES-GCM");
}

/* ---- running ---- */

/* Microseconds of CPU for one; the best of three runs. */
static double cost(struct job *j, void (*one)(struct job *), double seconds)
{
	double best = 0;

	one(j);
	for (int i = 0; i < 3; i++) {
		double began = now(), took;
		unsigned n = 0;
		do {
			for (int k = 0; k < 16; k++)
				one(j);
			n += 16;
			took = now() - began;
		} while (took < seconds);
		if (i == 0 || took / n * 1e6 < best)
			best = took / n * 1e6;
	}
	return best;
}

static const struct {
	const char *name;
	void (*prepare)(struct job *), (*libcrypto)(struct job *), (*gnutls)(struct job *), (*sodium)(struct job *);
	double factor;
} rows[] = {
	{ "ECDSA P-256 signature, µs", prepare_ecdsa, sign_libcrypto, sign_gnutls, NULL, 1 },
	{ "RSA-2048 signature (PSS), µs", prepare_rsa, sign_libcrypto, sign_gnutls, NULL, 1 },
	{ "X25519 shared secret, µs", prepare_x25519, derive_libcrypto, derive_nettle, derive_sodium, 1 },
	{ "AES-128-GCM, records of 16 KB, s/GB", prepare_aead, seal_libcrypto, seal_gnutls, NULL, 1e9 / RECORD_BYTES / 1e6 },
};

static void print_cost(const char *library, struct job *j, void (*one)(struct job *), double seconds, double factor)
{
	if (one)
		printf(",\"%s\":%.3f", library, cost(j, one, seconds) * factor);
}

int main(int argc, char **argv)
{
	static struct job jobs[sizeof rows / sizeof rows[0]];
	double seconds = argc > 1 ? atof(argv[1]) : FOR_SECONDS;

	must(sodium_init() >= 0, "sodium_init");
	printf("[");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		rows[i].prepare(&jobs[i]);
		printf("%s{\"name\":\"%s\"", i ? "," : "", rows[i].name);
		print_cost("libcrypto", &jobs[i], rows[i].libcrypto, seconds, rows[i].factor);
		print_cost("gnutls", &jobs[i], rows[i].gnutls, seconds, rows[i].factor);
		print_cost("sodium", &jobs[i], rows[i].sodium, seconds, rows[i].factor);
		printf("}");
	}
	printf("]\n");
	return 0;
}
