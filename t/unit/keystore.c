/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/keeper/keystore.c, and pemsplit.c, which finds what goes in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/memfd.h"
#include "workers/keeper/keystore.h"
#include "workers/keeper/pemsplit.h"

static void make_id(uint8_t id[KEY_ID_BYTES], unsigned n)
{
	memset(id, 0, KEY_ID_BYTES);
	id[0] = (uint8_t)(n * 37);	/* not in order */
	id[1] = (uint8_t)(n >> 8);
	id[2] = (uint8_t)n;
}

static void add(struct keystore *ks, unsigned n)
{
	uint8_t id[KEY_ID_BYTES];
	char der[32];

	make_id(id, n);
	snprintf(der, sizeof der, "key %u", n);
	assert_int_equal(keystore_add(ks, 1, id, der, strlen(der)), 0);
}

static void assert_has(const struct keystore *ks, unsigned n)
{
	uint8_t id[KEY_ID_BYTES];
	char der[32];
	size_t size;

	make_id(id, n);
	snprintf(der, sizeof der, "key %u", n);
	const uint8_t *found = keystore_find(ks, id, &size);
	assert_non_null(found);
	assert_int_equal(size, strlen(der));
	assert_memory_equal(found, der, size);
}

static void every_key_is_found_by_its_id(void **state)
{
	struct keystore *ks = keystore_new();
	uint8_t ids[1000 * KEY_ID_BYTES];

	(void)state;
	for (unsigned n = 0; n < 1000; n++)
		add(ks, n);
	assert_int_equal(keystore_finish(ks), 0);
	assert_int_equal(keystore_count(ks), 1000);
	for (unsigned n = 0; n < 1000; n++)
		assert_has(ks, n);
	uint8_t id[KEY_ID_BYTES];
	size_t size;
	make_id(id, 1000);
	assert_null(keystore_find(ks, id, &size));
	assert_int_equal(keystore_ids(ks, 0, 300, ids), 300);
	assert_int_equal(keystore_ids(ks, 900, 300, ids), 100);
	assert_int_equal(keystore_ids(ks, 1000, 300, ids), 0);
	keystore_free(ks);
}

static void the_same_key_twice_is_one_key(void **state)
{
	struct keystore *ks = keystore_new();

	(void)state;
	add(ks, 1);
	add(ks, 2);
	add(ks, 1);
	assert_int_equal(keystore_finish(ks), 0);
	assert_int_equal(keystore_count(ks), 2);
	assert_has(ks, 1);
	assert_has(ks, 2);
	keystore_free(ks);
}

#define LARGE_EVERY 50		/* one in so many is too large to be kept with others */
#define LARGE_BYTES 100000

static size_t size_of_many(unsigned n) { return n % LARGE_EVERY ? 100 + n : LARGE_BYTES + n; }

static void add_one_of_many(struct keystore *ks, unsigned n)
{
	static char der[LARGE_BYTES + 1000];
	uint8_t id[KEY_ID_BYTES];

	make_id(id, n);
	memset(der, (int)(n % 251), size_of_many(n));
	assert_int_equal(keystore_add(ks, n, id, der, size_of_many(n)), 0);
}

/* Some are taken back on the way, at any point of what is written together. */
static void many_keys_of_all_sizes_lie_whole(void **state)
{
	struct keystore *ks = keystore_new();
	uint8_t id[KEY_ID_BYTES];
	size_t size = 0;

	(void)state;
	for (unsigned n = 0; n < 500; n++) {
		add_one_of_many(ks, n);
		for (unsigned k = 500; k < 500 + n % 7; k++)
			add_one_of_many(ks, k);
		keystore_truncate(ks, n + 1);
	}
	assert_int_equal(keystore_finish(ks), 0);
	assert_int_equal(keystore_count(ks), 500);
	for (unsigned n = 0; n < 500; n++) {
		make_id(id, n);
		const uint8_t *der = keystore_find(ks, id, &size);
		assert_non_null(der);
		assert_int_equal(size, size_of_many(n));
		for (size_t i = 0; i < size; i++)
			assert_true(der[i] == n % 251);
	}
	keystore_free(ks);
}

static void what_is_taken_back_leaves_no_trace(void **state)
{
	struct keystore *ks = keystore_new();
	char all[4096];

	(void)state;
	add(ks, 1);
	add(ks, 222);
	add(ks, 333);
	keystore_truncate(ks, 1);
	assert_int_equal(keystore_finish(ks), 0);
	assert_int_equal(keystore_count(ks), 1);
	ssize_t n = pread(keystore_fd(ks), all, sizeof all, 0);
	assert_in_range(n, 1, sizeof all - 1);
	assert_null(memmem(all, (size_t)n, "222", 3));
	assert_null(memmem(all, (size_t)n, "333", 3));
	keystore_free(ks);
}

static void a_finished_store_is_sealed_and_takes_no_more(void **state)
{
	struct keystore *ks = keystore_new();
	uint8_t id[KEY_ID_BYTES] = { 0 };

	(void)state;
	add(ks, 1);
	assert_int_equal(keystore_finish(ks), 0);
	assert_true(keystore_add(ks, 1, id, "x", 1) < 0);
	assert_true(keystore_finish(ks) < 0);
	assert_int_equal(pwrite(keystore_fd(ks), "x", 1, 0), -1);
	assert_int_equal(ftruncate(keystore_fd(ks), 1), -1);
	keystore_free(ks);
}

static void a_server_opens_a_finished_store(void **state)
{
	struct keystore *ks = keystore_new(), *other;

	(void)state;
	add(ks, 1);
	add(ks, 2);
	assert_int_equal(keystore_finish(ks), 0);
	other = keystore_open(fcntl(keystore_fd(ks), F_DUPFD_CLOEXEC, 3));
	keystore_free(ks);
	assert_non_null(other);
	assert_int_equal(keystore_count(other), 2);
	assert_has(other, 2);
	keystore_free(other);
}

static void an_empty_store_has_no_key(void **state)
{
	struct keystore *ks = keystore_new();
	uint8_t id[KEY_ID_BYTES] = { 0 };
	size_t size;

	(void)state;
	assert_int_equal(keystore_finish(ks), 0);
	assert_int_equal(keystore_count(ks), 0);
	assert_null(keystore_find(ks, id, &size));
	keystore_free(ks);
}

static void odd_memory_is_no_store(void **state)
{
	static const uint64_t wrong[] = { 1, 2, 3, 4 };
	static const uint64_t beyond[] = { 0x746c736b65797331ull, 1000, 24, 0 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		int fd = memfd_new("odd", 0);
		assert_int_equal(memfd_write(fd, 0, i == 1 ? beyond : wrong, sizeof wrong), 0);
		if (i < 2)
			assert_int_equal(memfd_seal_all(fd), 0);
		assert_null(keystore_open(fd));
	}
}

static enum pem_next first(const char *text, struct pem_block *b)
{
	const char *at = text;

	return pem_next(&at, text + strlen(text), b);
}

static void pem_blocks_are_found_between_other_text(void **state)
{
	static const char text[] = "Bag Attributes\n-----BEGIN CERTIFICATE-----\r\nAAAA\r\n-----END CERTIFICATE-----\r\n"
		"secret words\n-----BEGIN EC PARAMETERS-----\nBB\n-----END EC PARAMETERS-----\n"
		"  -----BEGIN CERTIFICATE-----\n-----BEGIN EC PRIVATE KEY-----\nCC\n-----END EC PRIVATE KEY-----";
	static const enum pem_kind expected[] = { PEM_CERTIFICATE, PEM_OTHER, PEM_KEY };
	const char *at = text, *end = text + sizeof text - 1;
	struct pem_block b;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pem_next(&at, end, &b), PEM_BLOCK);
		assert_int_equal(b.kind, expected[i]);
		assert_memory_equal(b.text, "-----BEGIN ", 11);
		assert_null(memmem(b.text, b.size, "secret", 6));
	}
	assert_int_equal(pem_next(&at, end, &b), PEM_END);
}

static void encrypted_keys_are_known_by_label_or_header(void **state)
{
	struct pem_block b;

	(void)state;
	assert_int_equal(first("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA\n-----END ENCRYPTED PRIVATE KEY-----\n", &b), PEM_BLOCK);
	assert_int_equal(b.kind, PEM_KEY_ENCRYPTED);
	assert_int_equal(first("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
		"DEK-Info: AES-128-CBC,00\n\nAA\n-----END RSA PRIVATE KEY-----\n", &b), PEM_BLOCK);
	assert_int_equal(b.kind, PEM_KEY_ENCRYPTED);
}

static void a_block_without_its_end_is_broken(void **state)
{
	struct pem_block b;

	(void)state;
	assert_int_equal(first("-----BEGIN CERTIFICATE-----\nAA\n", &b), PEM_BROKEN);
	assert_int_equal(first("-----BEGIN CERTIFICATE-----\nAA\n-----END PRIVATE KEY-----\n", &b), PEM_BROKEN);
	assert_int_equal(first("-----BEGIN CERTIFICATE-----\nAA\n-----BEGIN PRIVATE KEY-----\nBB\n"
		"-----END PRIVATE KEY-----\n-----END CERTIFICATE-----\n", &b), PEM_BROKEN);
	assert_int_equal(first("-----BEGIN -----", &b), PEM_BROKEN);
	assert_int_equal(first("-----BEGIN ----", &b), PEM_END);
	assert_int_equal(first("", &b), PEM_END);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_found_by_its_id),
		cmocka_unit_test(the_same_key_twice_is_one_key),
		cmocka_unit_test(many_keys_of_all_sizes_lie_whole),
		cmocka_unit_test(what_is_taken_back_leaves_no_trace),
		cmocka_unit_test(a_finished_store_is_sealed_and_takes_no_more),
		cmocka_unit_test(a_server_opens_a_finished_store),
		cmocka_unit_test(an_empty_store_has_no_key),
		cmocka_unit_test(odd_memory_is_no_store),
		cmocka_unit_test(pem_blocks_are_found_between_other_text),
		cmocka_unit_test(encrypted_keys_are_known_by_label_or_header),
		cmocka_unit_test(a_block_without_its_end_is_broken),
	};
	return cmocka_run_group_tests_name("keystore", tests, NULL, NULL);
}
