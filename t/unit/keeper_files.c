/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests which key files tlsward-keeper takes, what it gives of them, and what it says about the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/memfd.h"
#include "t/unit/keeper_fixture.h"

static void assert_error(struct play *p, const char *part)
{
	assert_non_null(strstr(p->m.key_file_ans.error, part));
	assert_int_equal(p->m.key_file_ans.keys, 0);
	assert_int_equal(p->m.key_file_ans.certificates, 0);
	assert_int_equal(p->packet.nfds, 0);
}

static void key_files_of_all_forms_are_taken(void **state)
{
	struct play *p = *state;
	EVP_PKEY *keys[] = { tlskeys_rsa(2048), tlskeys_ec("P-256"), tlskeys_ec("P-384"),
		tlskeys_ec("P-521"), tlskeys_ed25519() };
	uint8_t ids[6 * KEY_ID_BYTES], id[KEY_ID_BYTES];

	for (int i = 0; i < 5; i++) {
		send_key(p, keys[i], false);
		if (i < 4)
			send_key(p, keys[i], true);
	}
	size_t n = end_keys(p, ids, 6);
	assert_int_equal(n, 5);
	for (int i = 0; i < 5; i++) {
		tlskeys_id(keys[i], id);
		assert_non_null(memmem(ids, n * KEY_ID_BYTES, id, sizeof id));
		EVP_PKEY_free(keys[i]);
	}
}

#define CERT_A "-----BEGIN CERTIFICATE-----\nQUFBQQ==\n-----END CERTIFICATE-----\n"
#define CERT_B "-----BEGIN CERTIFICATE-----\nQkJCQg==\n-----END CERTIFICATE-----\n"

static void certificates_that_do_not_fit_in_a_message_come_in_a_memfd(void **state)
{
	struct play *p = *state;
	char text[100 * sizeof CERT_A] = "";
	size_t size, n = MSG_CERTS_MAX / strlen(CERT_A);

	for (size_t i = 0; i < n; i++)
		strcat(text, i % 2 ? CERT_B : CERT_A);
	send_text(p, text, true);
	assert_int_equal(p->packet.nfds, 0);
	assert_int_equal(p->m.key_file_ans.text.size, strlen(text));
	assert_memory_equal(p->m.key_file_ans.text.data, text, strlen(text));
	strcat(text, CERT_A CERT_B);
	send_text(p, text, true);
	assert_int_equal(p->m.key_file_ans.certificates, n + 2);
	assert_int_equal(p->m.key_file_ans.text.size, 0);
	assert_int_equal(p->packet.nfds, 1);
	const char *map = memfd_map_sealed(p->packet.fds[0], 1 << 20, &size);
	assert_non_null(map);
	assert_int_equal(size, strlen(text));
	assert_memory_equal(map, text, size);
	munmap((void *)(size_t)map, size);
	packet_close_fds(&p->packet);
}

static void a_mixed_file_gives_its_certificates_and_nothing_else(void **state)
{
	struct play *p = *state;
	char *pem = tlskeys_pem(p->key, false, NULL), text[4096];

	snprintf(text, sizeof text, "some words\n%s between\n%s\n%s and behind\n", CERT_A, pem, CERT_B);
	send_text(p, text, true);
	assert_string_equal(p->m.key_file_ans.error, "");
	assert_int_equal(p->m.key_file_ans.keys, 1);
	assert_int_equal(p->m.key_file_ans.certificates, 2);
	assert_int_equal(p->packet.nfds, 0);
	assert_int_equal(p->m.key_file_ans.text.size, strlen(CERT_A CERT_B));
	assert_memory_equal(p->m.key_file_ans.text.data, CERT_A CERT_B, strlen(CERT_A CERT_B));

	send_text(p, text, false);
	assert_int_equal(p->m.key_file_ans.text.size, 0);
	assert_int_equal(p->m.key_file_ans.keys, 1);
	assert_int_equal(p->packet.nfds, 0);
	send_text(p, pem, true);
	assert_int_equal(p->m.key_file_ans.keys, 1);
	assert_int_equal(p->packet.nfds, 0);
	send_text(p, CERT_B, true);
	assert_int_equal(p->m.key_file_ans.keys, 0);
	assert_int_equal(p->m.key_file_ans.certificates, 1);
	assert_int_equal(p->m.key_file_ans.text.size, strlen(CERT_B));
	free(pem);
}

static void bad_files_are_named_by_what_is_wrong(void **state)
{
	struct play *p = *state;
	EVP_PKEY *small = tlskeys_rsa(1024);
	char *pem = tlskeys_pem(small, false, NULL);
	int fd, pipe_fds[2];

	send_text(p, "", false);
	assert_error(p, "is empty");
	send_text(p, "certainly not a key\n", false);
	assert_error(p, "has no private key");
	send_text(p, CERT_A, false);
	assert_error(p, "has no private key");
	send_text(p, "hello\n", true);
	assert_error(p, "has neither");
	send_text(p, CERT_A "-----BEGIN CERTIFICATE-----\n", true);
	assert_error(p, "without its END");
	send_text(p, CERT_A "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", true);
	assert_error(p, "cannot be decoded");
	send_text(p, pem, false);
	assert_error(p, "not supported (supported: RSA of 2048");
	fd = memfd_new("large", (1 << 20) + 1);
	send_file(p, fd, false);
	assert_error(p, "is larger than 1 MB");
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	send_file(p, pipe_fds[0], false);
	assert_error(p, "is not a regular file");
	close(pipe_fds[1]);
	send_file(p, open("/", O_RDONLY | O_CLOEXEC), true);
	assert_error(p, "is not a regular file");
	send_file(p, open("/etc/passwd", O_PATH | O_CLOEXEC), false);
	assert_error(p, "cannot be read");
	free(pem);
	EVP_PKEY_free(small);
	uint8_t ids[KEY_ID_BYTES];
	assert_int_equal(end_keys(p, ids, 1), 0);
}

static void encrypted_keys_are_refused_in_plain_words(void **state)
{
	struct play *p = *state;

	for (int old_form = 0; old_form < 2; old_form++) {
		char *pem = tlskeys_pem(p->key, old_form, "secret");
		send_text(p, pem, false);
		assert_error(p, "is encrypted; tlsward needs it without a passphrase");
		free(pem);
	}
}

static void a_file_with_an_error_leaves_no_key(void **state)
{
	struct play *p = *state;
	char *pem = tlskeys_pem(p->key, false, NULL), text[4096];
	uint8_t ids[KEY_ID_BYTES];

	snprintf(text, sizeof text, "%s-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n", pem);
	send_text(p, text, true);
	assert_error(p, "cannot be decoded");
	assert_int_equal(end_keys(p, ids, 1), 0);
	free(pem);
}

static void many_ids_come_in_batches(void **state)
{
	struct play *p = *state;
	enum { MANY = 600 };
	uint8_t *ids = calloc(MANY, KEY_ID_BYTES);

	for (int i = 0; i < MANY; i++) {
		EVP_PKEY *key = tlskeys_ed25519();
		send_key(p, key, false);
		EVP_PKEY_free(key);
	}
	assert_int_equal(end_keys(p, ids, MANY), MANY);
	free(ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(key_files_of_all_forms_are_taken),
		CASE(a_mixed_file_gives_its_certificates_and_nothing_else),
		CASE(certificates_that_do_not_fit_in_a_message_come_in_a_memfd),
		CASE(bad_files_are_named_by_what_is_wrong),
		CASE(encrypted_keys_are_refused_in_plain_words),
		CASE(a_file_with_an_error_leaves_no_key),
		CASE(many_ids_come_in_batches),
	};
	return cmocka_run_group_tests_name("keeper_files", tests, NULL, NULL);
}
