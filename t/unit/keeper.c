/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests the process tlsward-keeper: its sandbox, its memory, its log, and its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/unit/keeper_fixture.h"

static void it_is_sandboxed_from_the_start(void **state)
{
	struct play *p = *state;

	if (!SANDBOX)
		return;
	assert_string_equal(p->m.intro_ans.protections_missing, "");
	assert_status(p->pid, "Seccomp", "2");
	assert_status(p->pid, "NoNewPrivs", "1");
}

/* How often the bytes are in the heap of a process; -1: we may not look. */
static int in_heap(pid_t pid, const uint8_t *bytes, size_t size)
{
	char path[64], line[256];
	unsigned long from, to;
	int found = 0;

	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	FILE *maps = fopen(path, "r");
	snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
	int mem = open(path, O_RDONLY | O_CLOEXEC);
	while (maps && mem >= 0 && fgets(line, sizeof line, maps)) {
		if (!strstr(line, "[heap]") || sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		uint8_t *heap = malloc(to - from);
		ssize_t n = pread(mem, heap, to - from, (off_t)from);
		assert_true(n > 0);
		for (uint8_t *at = heap; (at = memmem(at, (size_t)(heap + n - at), bytes, size)); at++)
			found++;
		free(heap);
	}
	if (maps)
		fclose(maps);
	if (mem >= 0)
		close(mem);
	return maps && mem >= 0 ? found : -1;
}

/* The private number as it stands in a file, and as libraries have it in memory. */
static void private_number(EVP_PKEY *key, uint8_t big[32], uint8_t little[32])
{
	BIGNUM *n = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &n), 1);
	assert_int_equal(BN_bn2binpad(n, big, 32), 32);
	assert_int_equal(BN_bn2lebinpad(n, little, 32), 32);
	BN_clear_free(n);
}

static void the_keeper_itself_forgets_keys_at_once(void **state)
{
	struct play *p = *state;
	uint8_t big[32], little[32];

	private_number(p->key, big, little);
	load_key(p);
	if (!SANDBOX || in_heap(p->pid, big, 32) < 0) {
		print_message("# may not look into the keeper: not tested\n");
		return;
	}
	assert_int_equal(in_heap(p->pid, big, 32), 0);
	assert_int_equal(in_heap(p->pid, little, 32), 0);
	/* What a server works with is locked. */
	struct channel worker;
	char locked[64];
	pid_t pid = start_server(p, 2, 0, &worker);
	assert_int_equal(sign(p, &worker, p->key, 0x0403), SIGN_OK);
	assert_int_not_equal(in_heap(pid, little, 32), 0);
	process_status(pid, "VmLck", locked, sizeof locked);
	assert_true(atoi(locked) > 0);
	channel_clear(&worker);
}

static void the_end_of_the_supervisor_ends_all(void **state)
{
	struct play *p = *state;
	struct channel worker;

	load_key(p);
	start_server(p, 1, 0, &worker);
	channel_clear(&p->channel);
	assert_int_equal(keeper_exit(p), 0);
	assert_ends(p, &worker);
}

static void sigterm_ends_all(void **state)
{
	struct play *p = *state;
	struct channel worker;

	load_key(p);
	start_server(p, 1, 0, &worker);
	kill(p->pid, SIGINT);
	assert_int_equal(sign(p, &worker, p->key, 0x0403), SIGN_OK);
	kill(p->pid, SIGTERM);
	assert_int_equal(keeper_exit(p), 0);
	assert_ends(p, &worker);
}

static void a_killed_keeper_takes_its_servers_along(void **state)
{
	struct play *p = *state;
	struct channel worker;

	load_key(p);
	start_server(p, 1, 0, &worker);
	kill(p->pid, SIGKILL);
	assert_int_equal(keeper_exit(p), 128 + SIGKILL);
	assert_ends(p, &worker);
}

static void the_log_names_files_and_no_keys(void **state)
{
	struct play *p = *state;
	char log[65536];

	load_key(p);
	ssize_t n = pread(p->log_fd, log, sizeof log - 1, 0);
	assert_true(n > 0);
	log[n] = '\0';
	assert_non_null(strstr(log, "/etc/x.pem"));
	char *pem = tlskeys_pem(p->key, false, NULL);
	for (char *line = strtok(pem, "\n"); line; line = strtok(NULL, "\n"))
		assert_null(strstr(log, line));
	free(pem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(it_is_sandboxed_from_the_start),
		CASE(the_keeper_itself_forgets_keys_at_once),
		CASE(the_end_of_the_supervisor_ends_all),
		CASE(sigterm_ends_all),
		CASE(a_killed_keeper_takes_its_servers_along),
		CASE(the_log_names_files_and_no_keys),
	};
	return cmocka_run_group_tests_name("keeper", tests, NULL, NULL);
}
