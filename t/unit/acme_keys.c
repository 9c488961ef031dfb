/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests the keys that the keeper makes itself (keeper/acme.c), and what it
 * signs with them, as libcrypto reads it; with whichever of the two files
 * behind sign.h is linked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t/unit/tlskeys.h"
#include "workers/keeper/acme.h"

#define NAME "www.example.org"

struct bench { struct sign_lib *lib; struct acme acme; int file; };

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	b->lib = sign_lib_new();
	acme_init(&b->acme, b->lib);
	b->file = memfd_create("key", MFD_CLOEXEC);
	*state = b;
	return b->lib && b->file >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	acme_clear(&b->acme);
	sign_lib_free(b->lib);
	close(b->file);
	free(b);
	return 0;
}

static X509_REQ *ask(struct bench *b, const char *name, uint8_t id[KEY_ID_BYTES])
{
	struct msg_csr_ans a;

	assert_true(acme_request(&b->acme, b->file, name, &a));
	assert_string_equal(a.error, "");
	assert_int_equal(a.key_id.size, KEY_ID_BYTES);
	memcpy(id, a.key_id.data, KEY_ID_BYTES);
	const uint8_t *at = a.csr.data;
	X509_REQ *req = d2i_X509_REQ(NULL, &at, (long)a.csr.size);
	assert_non_null(req);
	assert_ptr_equal(at, a.csr.data + a.csr.size);
	return req;
}

static void assert_names(STACK_OF(X509_EXTENSION) *extensions, const char *name)
{
	GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);

	assert_non_null(names);
	assert_int_equal(sk_GENERAL_NAME_num(names), 1);
	const GENERAL_NAME *one = sk_GENERAL_NAME_value(names, 0);
	assert_int_equal(one->type, GEN_DNS);
	assert_int_equal(ASN1_STRING_length(one->d.dNSName), strlen(name));
	assert_memory_equal(ASN1_STRING_get0_data(one->d.dNSName), name, strlen(name));
	GENERAL_NAMES_free(names);
}

static EVP_PKEY *key_in_file(const struct bench *b)
{
	char text[4096] = "";

	assert_true(pread(b->file, text, sizeof text - 1, 0) > 0);
	BIO *bio = BIO_new_mem_buf(text, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	return key;
}

static void a_request_has_one_name_and_the_key_of_the_file(void **state)
{
	struct bench *b = *state;
	uint8_t id[KEY_ID_BYTES], of_file[KEY_ID_BYTES];
	X509_REQ *req = ask(b, NAME, id);
	EVP_PKEY *key = key_in_file(b), *public = X509_REQ_get0_pubkey(req);
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(req);
	size_t size;

	assert_non_null(key);
	assert_int_equal(EVP_PKEY_eq(key, public), 1);
	assert_int_equal(X509_REQ_verify(req, public), 1);
	assert_int_equal(X509_NAME_entry_count(X509_REQ_get_subject_name(req)), 0);
	assert_int_equal(sk_X509_EXTENSION_num(extensions), 1);
	assert_names(extensions, NAME);
	tlskeys_id(key, of_file);
	assert_memory_equal(id, of_file, sizeof id);
	assert_non_null(keystore_find(b->acme.made, id, &size));
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	EVP_PKEY_free(key);
	X509_REQ_free(req);
}

static void a_key_is_made_once(void **state)
{
	struct bench *b = *state;
	uint8_t id[KEY_ID_BYTES], again[KEY_ID_BYTES];

	X509_REQ_free(ask(b, NAME, id));
	X509_REQ_free(ask(b, NAME, again));
	assert_memory_equal(id, again, sizeof id);
	assert_int_equal(keystore_count(b->acme.made), 1);
}

static void longest_names_fit(void **state)
{
	struct bench *b = *state;
	uint8_t id[KEY_ID_BYTES];
	char name[254];

	memset(name, 'a', 253);
	for (int i = 63; i < 253; i += 64)
		name[i] = '.';
	name[253] = '\0';
	X509_REQ *req = ask(b, name, id);
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(req);
	assert_names(extensions, name);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(req);
}

static void a_key_that_was_cut_off_is_made_anew(void **state)
{
	struct bench *b = *state;
	uint8_t id[KEY_ID_BYTES], again[KEY_ID_BYTES];
	struct stat st;

	X509_REQ_free(ask(b, NAME, id));
	assert_int_equal(fstat(b->file, &st), 0);
	assert_int_equal(ftruncate(b->file, st.st_size / 2), 0);
	X509_REQ_free(ask(b, NAME, again));
	assert_memory_not_equal(id, again, sizeof id);
	EVP_PKEY *key = key_in_file(b);
	assert_non_null(key);
	EVP_PKEY_free(key);
}

static void what_is_no_key_is_left_as_it_is(void **state)
{
	static const char text[] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
	struct bench *b = *state;
	struct msg_csr_ans a;
	char now[sizeof text];

	assert_int_equal(write(b->file, text, sizeof text), sizeof text);
	assert_false(acme_request(&b->acme, b->file, NAME, &a));
	assert_non_null(strstr(a.error, "cannot be read as a key"));
	assert_int_equal(pread(b->file, now, sizeof now, 0), sizeof now);
	assert_memory_equal(now, text, sizeof now);
}

static void without_room_there_is_no_request(void **state)
{
	struct bench *b = *state;
	struct msg_csr_ans a;
	int full = open("/dev/full", O_RDWR | O_CLOEXEC);

	assert_true(full >= 0);
	assert_false(acme_request(&b->acme, full, NAME, &a));
	assert_string_not_equal(a.error, "");
	assert_null(b->acme.made);
	close(full);
}

static void keys_of_runs_before_sign_beside_new_ones(void **state)
{
	struct bench *b = *state;
	int other = memfd_create("other", MFD_CLOEXEC), empty = memfd_create("empty", MFD_CLOEXEC);
	struct msg_own_key_ans old = { .error = "" }, none = { .error = "" };
	uint8_t id[KEY_ID_BYTES];
	size_t size;
	EVP_PKEY *key = tlskeys_ec("P-256");
	char *pem = tlskeys_pem(key, false, NULL);

	assert_int_equal(write(other, pem, strlen(pem)), strlen(pem));
	acme_load(&b->acme, other, &old);
	assert_int_equal(old.key_id.size, KEY_ID_BYTES);
	uint8_t before[KEY_ID_BYTES];
	memcpy(before, old.key_id.data, sizeof before);
	acme_load(&b->acme, empty, &none);
	assert_string_equal(none.error, "holds no whole key");
	X509_REQ_free(ask(b, NAME, id));
	assert_true(acme_load_end(&b->acme));
	assert_int_equal(keystore_count(b->acme.made), 2);
	assert_non_null(keystore_find(b->acme.made, before, &size));
	assert_non_null(keystore_find(b->acme.made, id, &size));
	free(pem);
	EVP_PKEY_free(key);
	close(other);
	close(empty);
}

static void assert_identifier(X509 *cert, const uint8_t digest[32])
{
	ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
	int at = X509_get_ext_by_OBJ(cert, oid, -1);

	assert_true(at >= 0);
	X509_EXTENSION *e = X509_get_ext(cert, at);
	assert_int_equal(X509_EXTENSION_get_critical(e), 1);
	const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(e);
	assert_int_equal(ASN1_STRING_length(value), 34);
	const uint8_t *data = ASN1_STRING_get0_data(value);
	assert_int_equal(data[0], V_ASN1_OCTET_STRING);
	assert_int_equal(data[1], 32);
	assert_memory_equal(data + 2, digest, 32);
	ASN1_OBJECT_free(oid);
}

static X509 *challenge(struct bench *b, const char *name, const uint8_t digest[32])
{
	struct msg_challenge_req q = { .name = name, .digest = { digest, 32 } };
	struct msg_challenge_ans a;
	bool made = b->acme.challenge == NULL;

	assert_int_equal(acme_challenge(&b->acme, &q, &a), made);
	assert_string_equal(a.error, "");
	const uint8_t *at = a.certificate.data;
	X509 *cert = d2i_X509(NULL, &at, (long)a.certificate.size);
	assert_non_null(cert);
	return cert;
}

static void a_challenge_is_what_rfc_8737_says(void **state)
{
	uint8_t digest[32], id[KEY_ID_BYTES];
	struct bench *b = *state;
	size_t size;

	for (size_t i = 0; i < sizeof digest; i++)
		digest[i] = (uint8_t)(i * 7 + 1);
	X509 *cert = challenge(b, NAME, digest);
	EVP_PKEY *key = X509_get0_pubkey(cert);
	assert_int_equal(X509_get_version(cert), X509_VERSION_3);
	assert_int_equal(X509_verify(cert, key), 1);
	assert_names((STACK_OF(X509_EXTENSION) *)(size_t)X509_get0_extensions(cert), NAME);
	assert_identifier(cert, digest);
	assert_int_equal(X509_cmp_current_time(X509_get0_notBefore(cert)), -1);
	assert_int_equal(X509_cmp_current_time(X509_get0_notAfter(cert)), 1);
	tlskeys_id(key, id);
	assert_non_null(keystore_find(b->acme.made, id, &size));
	X509 *next = challenge(b, "b.example.org", digest);
	assert_int_equal(keystore_count(b->acme.made), 1);
	assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(cert), X509_get0_serialNumber(next)), 0);
	X509_free(next);
	X509_free(cert);
}

static void a_digest_of_another_size_is_refused(void **state)
{
	struct bench *b = *state;
	struct msg_challenge_req q = { .name = NAME, .digest = { (const uint8_t *)"short", 5 } };
	struct msg_challenge_ans a;

	acme_challenge(&b->acme, &q, &a);
	assert_string_not_equal(a.error, "");
	assert_int_equal(a.certificate.size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_request_has_one_name_and_the_key_of_the_file),
		T(a_key_is_made_once),
		T(longest_names_fit),
		T(a_key_that_was_cut_off_is_made_anew),
		T(what_is_no_key_is_left_as_it_is),
		T(without_room_there_is_no_request),
		T(keys_of_runs_before_sign_beside_new_ones),
		T(a_challenge_is_what_rfc_8737_says),
		T(a_digest_of_another_size_is_refused),
	};
	return cmocka_run_group_tests_name("acme_keys", tests, NULL, NULL);
}
