/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests the servers of tlsward-keeper, one for each worker: what they sign, who replaces them, which keys they have after a reload. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "t/unit/keeper_fixture.h"

/* And waits until it has been obeyed. */
static void tell(struct play *p, enum msg_type type)
{
	struct msg m = { .type = type };

	assert_int_equal(msg_send(&p->channel, &m, NULL, 0), 0);
	send_text(p, "", false);
	m.type = MSG_DISCARD;
	if (type != MSG_DISCARD)
		assert_int_equal(msg_send(&p->channel, &m, NULL, 0), 0);
}

static void no_server_is_started_before_there_are_keys(void **state)
{
	struct play *p = *state;
	struct channel worker;

	assert_int_equal(ask_for_server(p, 1, 0, &worker), 0);
	assert_non_null(strstr(p->m.signer_ans.error, "no keys"));
	assert_ends(p, &worker);
}

static int count_fds(pid_t pid)
{
	char path[64];
	int n = 0;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);
	if (!dir)
		return -1;
	for (struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void a_server_signs_and_has_nothing_else(void **state)
{
	struct play *p = *state;
	struct channel worker, other;
	EVP_PKEY *unknown = tlskeys_ec("P-256");

	load_key(p);
	start_server(p, 3, 0, &other);
	pid_t pid = start_server(p, 2, 0, &worker);
	assert_int_equal(sign(p, &worker, p->key, 0x0403), SIGN_OK);
	assert_int_equal(sign(p, &worker, p->key, 0x0503), SIGN_REFUSED);
	assert_int_equal(sign(p, &worker, p->key, 0x0203), SIGN_REFUSED);
	assert_int_equal(sign(p, &worker, unknown, 0x0403), SIGN_NO_KEY);
	assert_status(pid, "Name", "tlsw-signer.2");
	assert_status(pid, "Cpus_allowed_list", "0");
	if (SANDBOX) {
		assert_status(pid, "Seccomp_filters", "2");
		/* Only root may look: channel to the worker, channel to the keeper, the store. */
		int n = count_fds(pid);
		assert_true(n == -1 || n <= 6);
	}
	channel_clear(&worker);
	channel_clear(&other);
	EVP_PKEY_free(unknown);
}

static void a_new_server_replaces_the_older_one_of_its_worker(void **state)
{
	struct play *p = *state;
	struct channel first, second, other;

	load_key(p);
	start_server(p, 1, 0xffff, &first);
	start_server(p, 2, 60000, &other);
	start_server(p, 1, 0xffff, &second);
	assert_ends(p, &first);
	assert_int_equal(sign(p, &second, p->key, 0x0403), SIGN_OK);
	assert_int_equal(sign(p, &other, p->key, 0x0403), SIGN_OK);
	channel_clear(&second);
	channel_clear(&other);
}

static void a_stopped_server_is_replaced_too(void **state)
{
	struct play *p = *state;
	struct channel first, second;

	load_key(p);
	pid_t pid = start_server(p, 1, 0xffff, &first);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	start_server(p, 1, 0xffff, &second);
	assert_ends(p, &first);
	assert_int_equal(sign(p, &second, p->key, 0x0403), SIGN_OK);
	channel_clear(&second);
}

static void a_reload_reaches_living_servers(void **state)
{
	struct play *p = *state;
	EVP_PKEY *fresh = tlskeys_rsa(2048);
	struct channel worker;
	uint8_t ids[KEY_ID_BYTES];

	load_key(p);
	start_server(p, 1, 0, &worker);
	assert_int_equal(sign(p, &worker, p->key, 0x0403), SIGN_OK);
	send_key(p, fresh, false);
	assert_int_equal(sign(p, &worker, p->key, 0x0403), SIGN_OK);
	assert_int_equal(sign(p, &worker, fresh, 0x0804), SIGN_NO_KEY);
	assert_int_equal(end_keys(p, ids, 1), 1);
	assert_int_equal(sign(p, &worker, fresh, 0x0804), SIGN_OK);
	assert_int_equal(sign(p, &worker, p->key, 0x0403), SIGN_OK);
	tell(p, MSG_KEYS_COMMIT);
	assert_int_equal(sign(p, &worker, fresh, 0x0804), SIGN_OK);
	assert_int_equal(sign(p, &worker, p->key, 0x0403), SIGN_NO_KEY);
	channel_clear(&worker);
	EVP_PKEY_free(fresh);
}

static void a_discarded_reload_leaves_nothing(void **state)
{
	struct play *p = *state;
	EVP_PKEY *fresh = tlskeys_ec("P-256"), *half = tlskeys_ec("P-256");
	struct channel worker, later;
	uint8_t ids[KEY_ID_BYTES];

	load_key(p);
	start_server(p, 1, 0, &worker);
	send_key(p, half, false);
	tell(p, MSG_DISCARD);
	send_key(p, fresh, false);
	assert_int_equal(end_keys(p, ids, 1), 1);
	start_server(p, 2, 0, &later);
	assert_int_equal(sign(p, &worker, fresh, 0x0403), SIGN_OK);
	assert_int_equal(sign(p, &later, fresh, 0x0403), SIGN_OK);
	assert_int_equal(sign(p, &later, p->key, 0x0403), SIGN_OK);
	tell(p, MSG_DISCARD);
	assert_int_equal(sign(p, &worker, fresh, 0x0403), SIGN_NO_KEY);
	assert_int_equal(sign(p, &later, fresh, 0x0403), SIGN_NO_KEY);
	assert_int_equal(sign(p, &worker, half, 0x0403), SIGN_NO_KEY);
	assert_int_equal(sign(p, &worker, p->key, 0x0403), SIGN_OK);
	tell(p, MSG_KEYS_COMMIT);	/* of nothing */
	assert_int_equal(sign(p, &worker, p->key, 0x0403), SIGN_OK);
	channel_clear(&worker);
	channel_clear(&later);
	EVP_PKEY_free(fresh);
	EVP_PKEY_free(half);
}

static void signatures_of_all_servers_are_counted_once(void **state)
{
	struct play *p = *state;
	struct channel workers[2];

	load_key(p);
	for (int i = 0; i < 2; i++)
		start_server(p, (uint16_t)i, (uint16_t)i, &workers[i]);
	uint64_t before = ledger_now_ns();
	for (int n = 0; n < 500; n++)
		for (int i = 0; i < 2; i++)
			assert_int_equal(sign(p, &workers[i], p->key, 0x0403), SIGN_OK);
	print_message("# %u us for a round trip and the check of its signature\n",
		(unsigned)((ledger_now_ns() - before) / 1000 / 1000));
	assert_int_equal(ledger_get(&p->ledger.head->counters[COUNT_SIGNATURES]), 1000);
	assert_true(ledger_get(&p->ledger.head->heartbeat_ns) > 0);
	for (int i = 0; i < 2; i++)
		channel_clear(&workers[i]);
}

static void a_worker_that_breaks_the_protocol_loses_its_server(void **state)
{
	struct play *p = *state;
	struct channel worker;

	load_key(p);
	start_server(p, 1, 0, &worker);
	assert_int_equal(channel_send(&worker, "garbage", 7, NULL, 0), 0);
	assert_ends(p, &worker);
	start_server(p, 1, 0, &worker);
	assert_int_equal(sign(p, &worker, p->key, 0x0403), SIGN_OK);
	channel_clear(&worker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(no_server_is_started_before_there_are_keys),
		CASE(a_server_signs_and_has_nothing_else),
		CASE(a_new_server_replaces_the_older_one_of_its_worker),
		CASE(a_stopped_server_is_replaced_too),
		CASE(a_reload_reaches_living_servers),
		CASE(a_discarded_reload_leaves_nothing),
		CASE(signatures_of_all_servers_are_counted_once),
		CASE(a_worker_that_breaks_the_protocol_loses_its_server),
	};
	return cmocka_run_group_tests_name("keeper_servers", tests, NULL, NULL);
}
