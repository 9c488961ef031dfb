/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests lua/bind_log.c in scripts: what they log is bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "t/unit/lua_fixture.h"

static void a_script_logs_ten_lines_a_second(void **state)
{
	char text[16384] = "";
	int fds[2], lines = 0;
	struct lua_policy *p = load_good(HEAD "allow = function(h) for i = 1, 500 do tlsward.log('info', 'line\\n' .. i) end "
		"return not pcall(tlsward.log, 'loud', 'x') and not pcall(tlsward.log, 'info', {}) end }");

	(void)state;
	assert_int_equal(pipe(fds), 0);
	log_init(fds[1], "test", LOG_LEVEL_INFO);
	assert_true(allows(p, "a.example"));
	log_init(STDERR_FILENO, "test", LOG_LEVEL_ERROR);
	assert_true(read(fds[0], text, sizeof text - 1) > 0);
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	assert_true(lines == 10 || lines == 20);	/* the second may have changed */
	assert_non_null(strstr(text, "script=t.lua text=\"line\\n1\""));
	close(fds[0]);
	close(fds[1]);
	lua_policy_free(p);
}

static void a_loop_that_logs_ends(void **state)
{
	struct policy_question q = question("a.example");
	struct policy_allow a;
	struct lua_policy *p = load_good(HEAD "allow = function(h) while true do tlsward.log('error', 'x') end end }");

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(policy_lua.allow(p, &q, &a), POLICY_OUT_OF_BUDGET);
	lua_policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_script_logs_ten_lines_a_second),
		cmocka_unit_test(a_loop_that_logs_ends),
	};
	return cmocka_run_group_tests_name("lua_log", tests, lua_fixture_setup, NULL);
}
