/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/worker/backend.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <unistd.h>
#include <cmocka.h>

#include "workers/worker/backend.h"

#define SECOND 1000000000ull

static struct backend *with_servers(int n)
{
	struct backend *b = backend_new("app", 0, n);
	struct addr a;

	assert_non_null(b);
	for (int i = 0; i < n; i++) {
		assert_int_equal(addr_from_ip(&a, "127.0.0.1", (uint16_t)(1000 + i)), 0);
		assert_int_equal(backend_add(b, "label", &a.ss, a.len), 0);
	}
	return b;
}

static int first(struct backend *b, uint64_t now)
{
	uint64_t tried = 0;

	return backend_pick(b, &tried, now);
}

static void servers_take_turns(void **state)
{
	struct backend *b = with_servers(3);

	(void)state;
	assert_int_equal(first(b, 1), 0);
	assert_int_equal(first(b, 1), 1);
	assert_int_equal(first(b, 1), 2);
	assert_int_equal(first(b, 1), 0);
	backend_unref(b);
}

static void one_connection_tries_each_server_once(void **state)
{
	struct backend *b = with_servers(3);
	uint64_t tried = 0;

	(void)state;
	assert_int_equal(backend_pick(b, &tried, 1), 0);
	assert_int_equal(backend_pick(b, &tried, 1), 1);
	assert_int_equal(backend_pick(b, &tried, 1), 2);
	assert_int_equal(backend_pick(b, &tried, 1), -1);
	backend_unref(b);
}

static void a_failed_server_rests_and_comes_back(void **state)
{
	struct backend *b = with_servers(2);

	(void)state;
	backend_failed(b, 0, SECOND);
	assert_int_equal(first(b, 2 * SECOND), 1);
	assert_int_equal(first(b, 2 * SECOND), 1);
	assert_int_equal(first(b, SECOND + SERVER_REST_NS), 0);
	backend_failed(b, 0, 20 * SECOND);
	backend_worked(b, 0);
	assert_int_equal(first(b, 20 * SECOND), 1);
	assert_int_equal(first(b, 20 * SECOND), 0);
	backend_unref(b);
}

static void resting_servers_are_tried_when_nothing_else_is_left(void **state)
{
	struct backend *b = with_servers(2);
	uint64_t tried = 0;

	(void)state;
	backend_failed(b, 0, SECOND);
	backend_failed(b, 1, SECOND);
	assert_int_not_equal(backend_pick(b, &tried, SECOND), -1);
	assert_int_not_equal(backend_pick(b, &tried, SECOND), -1);
	assert_int_equal(backend_pick(b, &tried, SECOND), -1);
	backend_unref(b);
}

static void no_servers_and_too_many_are_said(void **state)
{
	struct backend *b = backend_new("empty", 0, 0);
	struct addr a;

	(void)state;
	assert_int_equal(first(b, 1), -1);
	assert_int_equal(addr_from_ip(&a, "::1", 1), 0);
	assert_int_equal(backend_add(b, "one too many", &a.ss, a.len), -EINVAL);
	backend_unref(b);
	assert_null(backend_new("many", 0, 65));
}

static void connecting_to_nobody_fails_with_its_reason(void **state)
{
	struct server s = { .label = "unix:/nonexistent" };
	bool done = false;

	(void)state;
	assert_int_equal(addr_from_path(&s.addr, "/nonexistent/socket"), 0);
	assert_int_equal(server_connect(&s, &done), -ENOENT);
	assert_false(done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_take_turns),
		cmocka_unit_test(one_connection_tries_each_server_once),
		cmocka_unit_test(a_failed_server_rests_and_comes_back),
		cmocka_unit_test(resting_servers_are_tried_when_nothing_else_is_left),
		cmocka_unit_test(no_servers_and_too_many_are_said),
		cmocka_unit_test(connecting_to_nobody_fails_with_its_reason),
	};
	return cmocka_run_group_tests_name("backend", tests, NULL, NULL);
}
