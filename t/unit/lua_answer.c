/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests plugins/policy/lua_answer.c: which values a function may return, and what they mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "t/unit/lua_fixture.h"

static void allow_answers_yes_no_or_nothing(void **state)
{
	static const struct { const char *body; enum policy_result r; bool allowed; uint8_t alert; } cases[] = {
		{ "return true", POLICY_ANSWERED, true, 112 },
		{ "return false", POLICY_ANSWERED, false, 112 },
		{ "return false, 'access_denied'", POLICY_ANSWERED, false, 49 },
		{ "return false, 'handshake_failure'", POLICY_ANSWERED, false, 40 },
		{ "return nil", POLICY_NO_OPINION, false, 0 },
		{ "", POLICY_NO_OPINION, false, 0 },
		{ "return 1", POLICY_ERROR, false, 0 },
		{ "return 'yes'", POLICY_ERROR, false, 0 },
		{ "return {}", POLICY_ERROR, false, 0 },
		{ "return false, 'no_such_alert'", POLICY_ERROR, false, 0 },
		{ "return false, 40", POLICY_ERROR, false, 0 },
		{ "return true, 'access_denied'", POLICY_ERROR, false, 0 },
		{ "error('x')", POLICY_ERROR, false, 0 },
		{ "while true do end", POLICY_OUT_OF_BUDGET, false, 0 },
		{ "return ('x'):rep(1e9)", POLICY_OUT_OF_MEMORY, false, 0 },
	};
	struct policy_question q = question("a.example");
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct policy_allow a = { 0 };
		snprintf(text, sizeof text, HEAD "\nallow = function(hello)\n%s end }", cases[i].body);
		struct lua_policy *p = load_good(text);
		assert_int_equal(policy_lua.allow(p, &q, &a), cases[i].r);
		assert_string_equal(a.where, strchr("ew", cases[i].body[0] ? cases[i].body[0] : ' ') ? "t.lua:3" : "t.lua:2");
		if (cases[i].r == POLICY_ANSWERED) {
			assert_int_equal(a.allowed, cases[i].allowed);
			assert_int_equal(a.alert, cases[i].alert);
		}
		lua_policy_free(p);
	}
}

static struct lua_policy *returning(const char *function, const char *value)
{
	char text[200];

	snprintf(text, sizeof text, HEAD "%s = function(hello) return %s end }", function, value);
	return load_good(text);
}

static enum policy_result timeouts(const char *value, struct policy_timeouts *a)
{
	struct policy_question q = question("a.example");
	struct lua_policy *p = returning("timeouts", value);

	*a = (struct policy_timeouts){ .deadlines = *q.deadlines };
	enum policy_result r = policy_lua.timeouts(p, &q, a);
	lua_policy_free(p);
	return r;
}

static void timeouts_change_what_they_name(void **state)
{
	struct policy_timeouts a;

	(void)state;
	assert_int_equal(timeouts("{ idle = 600, handshake = 2.5, lifetime = 0 }", &a), POLICY_ANSWERED);
	assert_int_equal(a.deadlines.ms[DEADLINE_IDLE], 600000);
	assert_int_equal(a.deadlines.ms[DEADLINE_HANDSHAKE], 2500);
	assert_int_equal(a.deadlines.ms[DEADLINE_LIFETIME], 0);
	assert_int_equal(a.deadlines.ms[DEADLINE_CONNECT], deadline_default_ms(DEADLINE_CONNECT));
	assert_string_equal(a.where, "t.lua:1");
	assert_int_equal(timeouts("nil", &a), POLICY_NO_OPINION);
	assert_int_equal(timeouts("{}", &a), POLICY_ANSWERED);
}

static void timeouts_that_are_none_are_errors(void **state)
{
	static const char *const bad[] = {
		"5", "true", "{ idle = '5' }", "{ hello = 5 }", "{ drain = 5 }", "{ lunch = 5 }", "{ handshake = 0 }",
		"{ idle = -1 }", "{ idle = 1e9 }", "{ idle = 0/0 }", "{ idle = 0.01 }", "{ 5 }", "{ [true] = 5 }",
	};
	struct policy_timeouts a;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(timeouts(bad[i], &a), POLICY_ERROR);
}

static enum policy_result chain(const char *value, struct policy_chain *a)
{
	struct policy_question q = question("a.example");
	struct lua_policy *p = returning("chain", value);

	*a = (struct policy_chain){ .sources.n = 0 };
	enum policy_result r = policy_lua.chain(p, &q, a);
	lua_policy_free(p);
	return r;
}

static void chain_names_sources_in_order(void **state)
{
	struct policy_chain a;

	(void)state;
	assert_int_equal(chain("{ 'file', 'store', incomplete = 'refuse' }", &a), POLICY_ANSWERED);
	assert_int_equal(a.sources.n, 2);
	assert_int_equal(a.sources.at[0], CHAIN_FILE);
	assert_int_equal(a.sources.at[1], CHAIN_STORE);
	assert_int_equal(a.incomplete, CHAIN_REFUSE);
	assert_int_equal(chain("{ 'file' }", &a), POLICY_ANSWERED);
	assert_int_equal(a.incomplete, CHAIN_SERVE);
	assert_int_equal(chain("{ 'file', incomplete = 'hold', wait = 1.5 }", &a), POLICY_ANSWERED);
	assert_int_equal(a.incomplete, CHAIN_HOLD);
	assert_int_equal(a.wait_ms, 1500);
}

static void chains_that_are_none_are_errors(void **state)
{
	static const char *const bad[] = {
		"'file'", "{}", "{ 'ftp' }", "{ 'file', 'file' }", "{ 5 }", "{ 'file', nil, 'store', x = 1 }",
		"{ 'file', incomplete = 'x' }", "{ 'file', incomplete = 5 }", "{ 'file', incomplete = 'hold' }",
		"{ 'file', wait = 5 }", "{ 'file', incomplete = 'hold', wait = 0 }",
		"{ 'file', incomplete = 'hold', wait = 'x' }", "{ 'file', [0] = 'store' }", "{ 'file', [true] = 1 }",
		"{ 'file', 'store', 'cache', 'aia', 'acme', 'file', 'file', 'file', 'file' }",
	};
	struct policy_chain a;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(chain(bad[i], &a), POLICY_ERROR);
}

static void route_names_a_backend(void **state)
{
	static const char *const bad[] = { "5", "''", "'a\\0b'", "('x'):rep(64)", "{}" };
	struct policy_question q = question("a.example");
	struct policy_route a;

	(void)state;
	struct lua_policy *p = load_good(HEAD "route = function(hello) return hello.sni == 'a.example' and 'postgres' or nil end }");
	assert_int_equal(policy_lua.route(p, &q, &a), POLICY_ANSWERED);
	assert_string_equal(a.backend, "postgres");
	q.sni = NULL;
	assert_int_equal(policy_lua.route(p, &q, &a), POLICY_NO_OPINION);
	lua_policy_free(p);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		p = returning("route", bad[i]);
		assert_int_equal(policy_lua.route(p, &q, &a), POLICY_ERROR);
		lua_policy_free(p);
	}
}

static void worker_says_what_is_done_with_the_sick(void **state)
{
	static const struct { const char *script; enum policy_result result; enum treatment treatment; } cases[] = {
		{ "return 'keep'", POLICY_ANSWERED, TREATMENT_KEEP },
		{ "return 'drain'", POLICY_ANSWERED, TREATMENT_DRAIN },
		{ "return 'replace'", POLICY_ANSWERED, TREATMENT_REPLACE },
		{ "", POLICY_NO_OPINION, TREATMENT_NO_OPINION },
		{ "return 'kill'", POLICY_ERROR, TREATMENT_NO_OPINION },
		{ "return true", POLICY_ERROR, TREATMENT_NO_OPINION },
		{ "return s.fds", POLICY_ERROR, TREATMENT_NO_OPINION },
		{ "return v.name", POLICY_ERROR, TREATMENT_NO_OPINION },
		{ "if s.role == 'worker' and s.worker == 2 and s.generation == 3 and s.uptime == 90 and s.cpu == 0.25 and "
			"s.memory == 1048576 and s.descriptors == 100 and s.descriptors_known == 20 and s.descriptors_limit == 1000 and "
			"s.heartbeat_age == 0.5 and s.connections == 9 and s.wakeups == 7 and s.stopped and not s.waits_for_keeper "
			"then return 'keep' end", POLICY_ANSWERED, TREATMENT_KEEP },
		{ "if v.kind == 'fd_leak' and v.numbers == 'descriptors=100' and v.since == 12.5 then return 'keep' end",
			POLICY_ANSWERED, TREATMENT_KEEP },
	};
	const struct policy_sick sick = sick_worker();
	struct ledger_policy counts = { .name = "" };
	struct policy_worker a = { .treatment = TREATMENT_NO_OPINION };
	char text[600];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(text, sizeof text, HEAD "worker = function(s, v) %s end }", cases[i].script);
		struct lua_policy *p = load_good(text);
		lua_policy_account(p, &counts, NULL);
		a.treatment = TREATMENT_NO_OPINION;
		assert_int_equal(policy_lua.worker(p, &sick, &a), cases[i].result);
		assert_int_equal(a.treatment, cases[i].treatment);
		lua_policy_free(p);
	}
	assert_int_equal(counts.calls[ASKED_WORKER][RESULT_ANSWERED], 5);
	assert_int_equal(counts.calls[ASKED_WORKER][RESULT_NO_OPINION], 1);
	assert_int_equal(counts.calls[ASKED_WORKER][RESULT_ERRORS], 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allow_answers_yes_no_or_nothing),
		cmocka_unit_test(timeouts_change_what_they_name),
		cmocka_unit_test(timeouts_that_are_none_are_errors),
		cmocka_unit_test(chain_names_sources_in_order),
		cmocka_unit_test(chains_that_are_none_are_errors),
		cmocka_unit_test(route_names_a_backend),
		cmocka_unit_test(worker_says_what_is_done_with_the_sick),
	};
	return cmocka_run_group_tests_name("lua_answer", tests, lua_fixture_setup, NULL);
}
