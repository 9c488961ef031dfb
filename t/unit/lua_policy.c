/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests plugins/policy/lua.c and lua_script.c: loading a script, and what becomes of its calls in a list and in the accounts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "t/unit/lua_fixture.h"

static void what_is_wrong_with_a_script_is_said_with_file_and_line(void **state)
{
	static const struct { const char *text, *err; } bad[] = {
		{ "return 5", "t.lua:1: returns a number, not a table" },
		{ "", "t.lua:0: returns a nil, not a table" },
		{ "\nreturn {\n}", "t.lua:2: field 'name' is missing" },
		{ "return { name = 't' }", "t.lua:1: field 'api' is missing" },
		{ "return {\n name = 't',\n api = 2 }", "t.lua:3: field 'api' is not 1, the only one that this tlsward has" },
		{ "return {\n name = 't', api = '1' }", "t.lua:2: field 'api' is not 1, the only one that this tlsward has" },
		{ "return {\n name = 5,\n api = 1 }", "t.lua:2: field 'name' is no text of 1 to 63 bytes" },
		{ HEAD "\n\n  alow = function() end }", "t.lua:3: there is no field 'alow'" },
		{ HEAD "\n  allow = true }", "t.lua:2: field 'allow' is no function of the script" },
		{ HEAD "allow = tostring }", "t.lua:1: field 'allow' is no function of the script" },
		{ HEAD "5 }", "t.lua:1: returns a table with a number as a key" },
		{ "\nx = 1", "t.lua:2: global 'x' cannot be set: use local" },
		{ "local x\nreturn x.y", "t.lua:2: attempt to index a nil value (local 'x')" },
		{ "return {", "t.lua:1: unexpected symbol near <eof>" },
		{ "\nwhile true do end", "t.lua:2: has used its 100000 us" },
		{ "\nlocal x = ('x'):rep(1e9)", "t.lua: not enough memory" },
		{ "tlsward.hostset()", "t.lua:1: bad argument #1 to 'hostset' (string expected, got no value)" },
		{ "tlsward.hostset('')", "t.lua:1: bad argument #1 to 'hostset' (empty)" },
		{ "for i = 1, 40 do tlsward.hostset('set' .. i) end", "t.lua:1: too many host sets" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct lua_policy *p = load_text(bad[i].text, NULL, NULL);
		assert_null(p);
		assert_string_equal(load_error(), bad[i].err);
	}
}

static void a_script_may_have_no_function_at_all(void **state)
{
	struct lua_policy *p = load_good(HEAD "}");
	struct policy_question q = question("a.example");
	struct policy_allow a;

	(void)state;
	assert_string_equal(lua_policy_name(p), "t");
	assert_string_equal(lua_policy_file(p), "t.lua");
	assert_int_equal(policy_lua.allow(p, &q, &a), POLICY_NO_OPINION);
	lua_policy_free(p);
}

static void results_are_counted_apart_and_the_last_error_is_kept(void **state)
{
	struct ledger_policy counts = { .name = "" };
	static struct ledger_head doing;
	struct policy_allow a;
	struct lua_policy *p = load_good(HEAD "\nallow = function(h)\n"
		"if h.sni == 'loop' then while true do end end\n"
		"if h.sni == 'memory' then return ('x'):rep(1e9) end\n"
		"if h.sni == 'error' then error('no') end\n"
		"if h.sni == 'yes' then return true end end }");

	(void)state;
	lua_policy_account(p, &counts, &doing);
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = { "yes", "other", "error", "loop", "memory" };
		for (int n = 0; n < 5; n++) {
			struct policy_question q = question(names[n]);
			policy_lua.allow(p, &q, &a);
			if (n == 2)
				assert_string_equal(counts.last_error, "t.lua:5: no");
			if (n == 3)
				assert_string_equal(counts.last_error, "t.lua:3: has used its 10000 us");
		}
	}
	assert_int_equal(counts.calls[ASKED_ALLOW][RESULT_ANSWERED], 3);
	assert_int_equal(counts.calls[ASKED_ALLOW][RESULT_NO_OPINION], 3);
	assert_int_equal(counts.calls[ASKED_ALLOW][RESULT_ERRORS], 3);
	assert_int_equal(counts.calls[ASKED_ALLOW][RESULT_OUT_OF_BUDGET], 3);
	assert_int_equal(counts.calls[ASKED_ALLOW][RESULT_OUT_OF_MEMORY], 3);
	assert_string_equal(counts.last_error, "t.lua:2: not enough memory");
	assert_true(counts.error_ns > 0 && counts.error_ns <= ledger_now_ns());
	for (int r = 0; r < RESULT_COUNT; r++)
		assert_int_equal(counts.calls[ASKED_ROUTE][r], 0);
	assert_string_equal(doing.doing_script, "t.lua");
	assert_int_equal(doing.doing_line, 0);
	lua_policy_free(p);
}

static void a_list_fails_closed_in_allow_and_goes_on_in_the_others(void **state)
{
	struct lua_policy *bad = load_good(HEAD "allow = function() error('x') end, route = function() error('x') end, "
		"timeouts = function() return { idle = 5, x = 5 } end }");
	struct policy list[] = { { &policy_lua, bad }, { &policy_fixed, NULL }, { NULL, NULL } };
	struct policy_question q = question("a.example");
	struct policy_allow a;
	struct policy_route route;
	struct policy_timeouts t;

	(void)state;
	policy_allow(list, &q, &a);
	assert_false(a.allowed);
	assert_int_equal(a.alert, 80);
	policy_route(list, &q, &route);
	assert_string_equal(route.backend, "app");
	policy_timeouts(list, &q, &t);
	assert_int_equal(t.deadlines.ms[DEADLINE_IDLE], q.deadlines->ms[DEADLINE_IDLE]);
	lua_policy_free(bad);
}

static void a_script_that_loops_once_is_loaded_anew(void **state)
{
	struct policy_question q = question("loop"), other = question("a.example");
	struct policy_allow a = { 0 };
	struct lua_policy *p = load_good("local n = 0\n" HEAD "allow = function(h) n = n + 1\n"
		"while h.sni == 'loop' do end return n == 1 end }");

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(policy_lua.allow(p, &q, &a), POLICY_OUT_OF_BUDGET);
		assert_int_equal(policy_lua.allow(p, &other, &a), POLICY_ANSWERED);
		assert_true(a.allowed);	/* its locals are those of a fresh script */
	}
	lua_policy_free(p);
}

static void of_several_the_first_that_knows_what_to_do_counts(void **state)
{
	struct lua_policy *fails = load_good(HEAD "worker = function() error('x') end }"), *other = load_good(HEAD "route = function() end }"),
		*keeps = load_good(HEAD "worker = function() return 'keep' end }");
	const struct policy list[] = { { &policy_lua, fails }, { &policy_lua, other }, { &policy_lua, keeps }, { &policy_fixed, NULL }, { 0 } };
	const struct policy_sick sick = sick_worker();
	struct policy_worker a;

	(void)state;
	policy_worker(list, &sick, &a);
	assert_int_equal(a.treatment, TREATMENT_KEEP);
	policy_worker(list + 3, &sick, &a);
	assert_int_equal(a.treatment, TREATMENT_NO_OPINION);
	assert_string_equal(a.where, "");
	lua_policy_free(fails);
	lua_policy_free(other);
	lua_policy_free(keeps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_with_a_script_is_said_with_file_and_line),
		cmocka_unit_test(a_script_may_have_no_function_at_all),
		cmocka_unit_test(results_are_counted_apart_and_the_last_error_is_kept),
		cmocka_unit_test(a_script_that_loops_once_is_loaded_anew),
		cmocka_unit_test(a_list_fails_closed_in_allow_and_goes_on_in_the_others),
		cmocka_unit_test(of_several_the_first_that_knows_what_to_do_counts),
	};
	return cmocka_run_group_tests_name("lua_policy", tests, lua_fixture_setup, NULL);
}
