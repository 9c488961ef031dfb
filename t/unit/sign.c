/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests what a keeper's server signs and what it refuses: server.c with
 * forms.c, keycache.c and whichever of the two files behind sign.h is linked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "t/unit/tlskeys.h"
#include "workers/keeper/server.h"

enum { K_RSA, K_P256, K_P384, K_P521, K_ED, KEYS };

/* What all cases share: a server with one key of each kind. */
struct bench {
	struct server server;
	uint64_t signatures;
	EVP_PKEY *keys[KEYS];
	uint8_t ids[KEYS][KEY_ID_BYTES];
};

static const struct { const char *name; uint16_t group; uint8_t point; } curves[] = {
	{ "secp256r1", 0x17, 65 }, { "secp384r1", 0x18, 97 }, { "secp521r1", 0x19, 133 },
	{ "x25519", 0x1d, 32 }, { "x448", 0x1e, 56 },
};

static void add_key(struct bench *b, struct keystore *into, EVP_PKEY *key, bool old_form)
{
	char *pem = tlskeys_pem(key, old_form, NULL);
	uint8_t id[KEY_ID_BYTES];
	struct sign_import in;

	tlskeys_id(key, id);
	assert_int_equal(sign_import_pem(b->server.lib, pem, strlen(pem), &in), 0);
	assert_memory_equal(in.id, id, sizeof id);
	assert_int_equal(keystore_add(into, 1, in.id, in.der, in.size), 0);
	sign_import_clear(&in);
	free(pem);
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	b->server.lib = sign_lib_new();
	assert_non_null(b->server.lib);
	b->server.signatures = &b->signatures;
	b->server.store = keystore_new();
	b->keys[K_RSA] = tlskeys_rsa(2048);
	b->keys[K_P256] = tlskeys_ec("P-256");
	b->keys[K_P384] = tlskeys_ec("P-384");
	b->keys[K_P521] = tlskeys_ec("P-521");
	b->keys[K_ED] = tlskeys_ed25519();
	for (int i = 0; i < KEYS; i++) {
		tlskeys_id(b->keys[i], b->ids[i]);
		add_key(b, b->server.store, b->keys[i], i == K_RSA || i == K_P384);
	}
	assert_int_equal(keystore_finish(b->server.store), 0);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	keycache_clear(&b->server.cache);
	keystore_free(b->server.store);
	for (int i = 0; i < KEYS; i++)
		EVP_PKEY_free(b->keys[i]);
	sign_lib_free(b->server.lib);
	free(b);
	return 0;
}

static enum sign_error ask(struct bench *b, const uint8_t *id, uint16_t scheme, unsigned form,
	const uint8_t *data, size_t size, size_t *n)
{
	struct msg_sign_req req = { .key_id = { id, KEY_ID_BYTES }, .scheme = scheme,
		.form = (uint8_t)form, .data = { data, size } };

	return server_sign(&b->server, &req, n);
}

static void assert_signs(struct bench *b, int key, uint16_t scheme, unsigned form, const uint8_t *data, size_t size)
{
	uint64_t before = b->signatures;
	size_t n;

	assert_int_equal(ask(b, b->ids[key], scheme, form, data, size, &n), SIGN_OK);
	assert_true(tlskeys_verify(b->keys[key], scheme, data, size, b->server.signature, n));
	assert_int_equal(b->signatures, before + 1);
}

static void assert_refuses(struct bench *b, int key, uint16_t scheme, unsigned form, const uint8_t *data, size_t size)
{
	uint64_t before = b->signatures;
	size_t n = 1;

	assert_int_equal(ask(b, b->ids[key], scheme, form, data, size, &n), SIGN_REFUSED);
	assert_int_equal(n, 0);
	assert_int_equal(b->signatures, before);
}

static const uint16_t all_schemes[] = {
	0x0401, 0x0501, 0x0601, 0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0807,
	0x0201, 0x0203, 0x0202, 0x0301, 0x0303, 0x0402, 0x0808, 0x0809, 0x080a, 0x080b, 0x081a, 0x0000, 0xffff,
};
#define SCHEMES (sizeof all_schemes / sizeof all_schemes[0])

/* The truth, written down a second time as a table. */
static bool fits(bool tls12, int key, uint16_t scheme)
{
	static const struct { uint16_t scheme; unsigned tls13, tls12; } table[] = {
		{ 0x0401, 0, 1 << K_RSA }, { 0x0501, 0, 1 << K_RSA }, { 0x0601, 0, 1 << K_RSA },
		{ 0x0804, 1 << K_RSA, 1 << K_RSA }, { 0x0805, 1 << K_RSA, 1 << K_RSA }, { 0x0806, 1 << K_RSA, 1 << K_RSA },
		{ 0x0403, 1 << K_P256, 1 << K_P256 | 1 << K_P384 | 1 << K_P521 },
		{ 0x0503, 1 << K_P384, 1 << K_P256 | 1 << K_P384 | 1 << K_P521 },
		{ 0x0603, 1 << K_P521, 1 << K_P256 | 1 << K_P384 | 1 << K_P521 },
		{ 0x0807, 1 << K_ED, 1 << K_ED },
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (table[i].scheme == scheme)
			return (tls12 ? table[i].tls12 : table[i].tls13) & 1u << key;
	return false;
}

static void a_key_has_the_same_id_in_every_form(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < KEYS; i++)
		for (int old = 0; old < 2; old++) {
			struct keystore *store = keystore_new();
			add_key(b, store, b->keys[i], old && i != K_ED);
			keystore_free(store);
		}
}

static void each_kind_of_key_signs_with_its_schemes_and_no_other(void **state)
{
	struct bench *b = *state;
	uint8_t tls13[512], tls12[512];
	size_t n13 = tlskeys_tls13(tls13, 32), n12 = tlskeys_tls12(tls12, 0x1d, 32);

	for (int key = 0; key < KEYS; key++)
		for (size_t i = 0; i < SCHEMES; i++) {
			uint16_t scheme = all_schemes[i];
			(fits(false, key, scheme) ? assert_signs : assert_refuses)
				(b, key, scheme, SIGN_TLS13_CERTIFICATE_VERIFY, tls13, n13);
			(fits(true, key, scheme) ? assert_signs : assert_refuses)
				(b, key, scheme, SIGN_TLS12_SERVER_KEY_EXCHANGE, tls12, n12);
		}
}

static void both_lengths_of_a_transcript_hash_are_signed_and_no_other(void **state)
{
	struct bench *b = *state;
	uint8_t data[512];

	for (size_t hash = 0; hash <= 64; hash++) {
		size_t n = tlskeys_tls13(data, hash);
		(hash == 32 || hash == 48 ? assert_signs : assert_refuses)
			(b, K_P256, 0x0403, SIGN_TLS13_CERTIFICATE_VERIFY, data, n);
	}
}

static void a_key_exchange_is_signed_for_each_curve(void **state)
{
	struct bench *b = *state;
	uint8_t data[512];

	for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
		size_t n = tlskeys_tls12(data, curves[i].group, curves[i].point);
		assert_signs(b, K_RSA, 0x0401, SIGN_TLS12_SERVER_KEY_EXCHANGE, data, n);
	}
}

static void a_context_uses_one_scheme_after_another(void **state)
{
	struct bench *b = *state;
	static const uint16_t order[] = { 0x0804, 0x0401, 0x0806, 0x0601, 0x0804, 0x0501, 0x0805, 0x0401 };
	uint8_t data[512];
	size_t n = tlskeys_tls12(data, 0x17, 65);

	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
		assert_signs(b, K_RSA, order[i], SIGN_TLS12_SERVER_KEY_EXCHANGE, data, n);
}

static void a_bare_hash_is_refused(void **state)
{
	struct bench *b = *state;
	static const size_t sizes[] = { 0, 1, 20, 28, 32, 36, 48, 64 };
	uint8_t data[64];

	memset(data, 0x42, sizeof data);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		for (unsigned form = 0; form < 3; form++)
			assert_refuses(b, K_P256, 0x0403, form, data, sizes[i]);
}

static void another_context_is_refused(void **state)
{
	struct bench *b = *state;
	uint8_t good[512], data[512];
	size_t n = tlskeys_tls13(good, 32);

	/* "TLS 1.3, client CertificateVerify" has the same length. */
	memcpy(data, good, n);
	memcpy(data + 64 + 9, "client", 6);
	assert_refuses(b, K_P256, 0x0403, SIGN_TLS13_CERTIFICATE_VERIFY, data, n);
	for (size_t i = 0; i < 64 + 34; i++) {
		memcpy(data, good, n);
		data[i] ^= 1;
		assert_refuses(b, K_P256, 0x0403, SIGN_TLS13_CERTIFICATE_VERIFY, data, n);
	}
}

static void one_form_is_not_taken_for_the_other(void **state)
{
	struct bench *b = *state;
	uint8_t data[512];
	size_t n = tlskeys_tls13(data, 32);

	assert_refuses(b, K_P256, 0x0403, SIGN_TLS12_SERVER_KEY_EXCHANGE, data, n);
	assert_refuses(b, K_P256, 0x0403, 2, data, n);
	assert_refuses(b, K_P256, 0x0403, 255, data, n);
	n = tlskeys_tls12(data, 0x17, 65);
	assert_refuses(b, K_P256, 0x0403, SIGN_TLS13_CERTIFICATE_VERIFY, data, n);
	assert_refuses(b, K_P256, 0x0403, 2, data, n);
}

static void odd_key_exchanges_are_refused(void **state)
{
	struct bench *b = *state;
	const unsigned form = SIGN_TLS12_SERVER_KEY_EXCHANGE;
	uint8_t data[512];
	size_t n = tlskeys_tls12(data, 0x17, 65);

	assert_refuses(b, K_P256, 0x0403, form, data, n - 1);
	assert_refuses(b, K_P256, 0x0403, form, data, n + 1);
	for (size_t cut = 0; cut < 68; cut++)
		assert_refuses(b, K_P256, 0x0403, form, data, cut);
	n = tlskeys_tls12(data, 0x17, 64);
	assert_refuses(b, K_P256, 0x0403, form, data, n);
	n = tlskeys_tls12(data, 0x1d, 65);
	assert_refuses(b, K_P256, 0x0403, form, data, n);
	n = tlskeys_tls12(data, 0x0100, 65);	/* ffdhe2048 */
	assert_refuses(b, K_P256, 0x0403, form, data, n);
	n = tlskeys_tls12(data, 0x17, 65);
	for (uint8_t type = 0; type < 8; type++) {
		data[64] = type;
		(type == 3 ? assert_signs : assert_refuses)(b, K_P256, 0x0403, form, data, n);
	}
}

static void an_unknown_key_is_told(void **state)
{
	struct bench *b = *state;
	uint8_t id[KEY_ID_BYTES] = { 1 }, data[512];
	size_t n = tlskeys_tls13(data, 32), got;
	struct msg_sign_req short_id = { .key_id = { b->ids[K_P256], 31 }, .scheme = 0x0403, .data = { data, n } };

	assert_int_equal(ask(b, id, 0x0403, SIGN_TLS13_CERTIFICATE_VERIFY, data, n, &got), SIGN_NO_KEY);
	assert_int_equal(server_sign(&b->server, &short_id, &got), SIGN_REFUSED);
}

static void more_keys_than_the_cache_holds_all_sign(void **state)
{
	struct bench *b = *state;
	enum { MANY = KEYCACHE_KEYS + 50 };
	struct keystore *usual = b->server.store;
	uint8_t (*ids)[KEY_ID_BYTES] = calloc(MANY, sizeof *ids), data[512];
	size_t n = tlskeys_tls13(data, 32), got;

	b->server.store = keystore_new();
	for (int i = 0; i < MANY; i++) {
		EVP_PKEY *key = tlskeys_ed25519();
		tlskeys_id(key, ids[i]);
		add_key(b, b->server.store, key, false);
		EVP_PKEY_free(key);
	}
	assert_int_equal(keystore_finish(b->server.store), 0);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(ask(b, ids[i], 0x0807, SIGN_TLS13_CERTIFICATE_VERIFY, data, n, &got), SIGN_OK);
	assert_in_range(b->server.cache.count, 1, KEYCACHE_KEYS);
	assert_int_equal(ask(b, ids[0], 0x0807, SIGN_TLS13_CERTIFICATE_VERIFY, data, n, &got), SIGN_OK);
	free(ids);
	keycache_clear(&b->server.cache);
	keystore_free(b->server.store);
	b->server.store = usual;
}

static void assert_import_fails(struct bench *b, const char *pem, int error)
{
	struct sign_import in;

	assert_int_equal(sign_import_pem(b->server.lib, pem, strlen(pem), &in), error);
	assert_null(in.der);
	sign_import_clear(&in);
}

static void keys_of_other_kinds_are_not_taken(void **state)
{
	struct bench *b = *state;
	EVP_PKEY *others[] = { tlskeys_rsa(1024), tlskeys_ec("secp224r1"), EVP_PKEY_Q_keygen(NULL, NULL, "X25519"),
		EVP_PKEY_Q_keygen(NULL, NULL, "ED448") };

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		char *pem = tlskeys_pem(others[i], false, NULL);
		assert_import_fails(b, pem, -ENOTSUP);
		free(pem);
		EVP_PKEY_free(others[i]);
	}
}

static char *public_key_in_disguise(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	unsigned char *spki = NULL;
	char *data;

	int n = i2d_PUBKEY(key, &spki);
	assert_true(PEM_write_bio(bio, "PRIVATE KEY", "", spki, n) > 0);
	size_t size = (size_t)BIO_get_mem_data(bio, &data);
	char *pem = strndup(data, size);
	OPENSSL_free(spki);
	BIO_free(bio);
	return pem;
}

static void what_is_no_key_is_told(void **state)
{
	struct bench *b = *state;
	char *pem = tlskeys_pem(b->keys[K_P256], false, NULL);
	char *body = strchr(pem, '\n') + 1;

	assert_import_fails(b, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", -EBADMSG);
	assert_import_fails(b, "", -EBADMSG);
	memset(body + 40, 'A', 12);
	body[30] = '!';
	assert_import_fails(b, pem, -EBADMSG);
	free(pem);
	for (int old_form = 0; old_form < 2; old_form++) {
		pem = tlskeys_pem(b->keys[K_P256], old_form, "secret");
		assert_import_fails(b, pem, -EBADMSG);
		free(pem);
	}
	pem = public_key_in_disguise(b->keys[K_P256]);
	assert_import_fails(b, pem, -EBADMSG);
	free(pem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_has_the_same_id_in_every_form),
		cmocka_unit_test(each_kind_of_key_signs_with_its_schemes_and_no_other),
		cmocka_unit_test(both_lengths_of_a_transcript_hash_are_signed_and_no_other),
		cmocka_unit_test(a_key_exchange_is_signed_for_each_curve),
		cmocka_unit_test(a_context_uses_one_scheme_after_another),
		cmocka_unit_test(a_bare_hash_is_refused),
		cmocka_unit_test(another_context_is_refused),
		cmocka_unit_test(one_form_is_not_taken_for_the_other),
		cmocka_unit_test(odd_key_exchanges_are_refused),
		cmocka_unit_test(an_unknown_key_is_told),
		cmocka_unit_test(more_keys_than_the_cache_holds_all_sign),
		cmocka_unit_test(keys_of_other_kinds_are_not_taken),
		cmocka_unit_test(what_is_no_key_is_told),
	};
	return cmocka_run_group_tests_name("sign", tests, setup, teardown);
}
