/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests the scripts in lua/examples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "common/hostset_build.h"
#include "t/unit/lua_fixture.h"

static char *read_text(const char *name, size_t *size)
{
	const char *src = getenv("TLSWARD_SRC");
	char path[512];

	snprintf(path, sizeof path, "%s/lua/examples/%s", src ? src : "..", name);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	char *text = calloc(1, 16384);
	*size = fread(text, 1, 16383, f);
	fclose(f);
	return text;
}

static struct hostset *find_example(void *data, const char *name)
{
	struct hostset **kept = data;
	size_t size;
	char err[100], *text = read_text(name, &size);
	uint32_t names;
	int fd;

	assert_int_equal(hostset_build(text, size, &fd, &names, err, sizeof err), 0);
	free(text);
	return *kept = hostset_load(fd);
}

static struct lua_policy *example(const char *name)
{
	struct hostset *set = NULL;
	size_t size;
	char *text = read_text(name, &size);
	const struct lua_script script = { .path = name, .text = text, .size = size };
	struct lua_policy *p = load_script(&script, find_example, &set);

	if (!p)
		print_message("# %s\n", load_error());
	assert_non_null(p);
	hostset_unref(set);
	free(text);
	return p;
}

static void example_frontdoor_lets_in_what_its_file_names(void **state)
{
	struct lua_policy *p = example("frontdoor.lua");

	(void)state;
	assert_true(allows(p, "www.example.org"));
	assert_true(allows(p, "a.shop.example.org"));
	assert_true(allows(p, "a.b.example.net"));
	assert_false(allows(p, "other.example.org"));
	assert_false(allows(p, NULL));
	lua_policy_free(p);
}

static void example_timeouts_go_by_listener_and_protocol(void **state)
{
	struct lua_policy *p = example("timeouts.lua");
	struct policy_question q = question("www.example.org");
	struct policy_timeouts a = { .deadlines = *q.deadlines };

	(void)state;
	assert_int_equal(policy_lua.timeouts(p, &q, &a), POLICY_ANSWERED);
	assert_int_equal(a.deadlines.ms[DEADLINE_IDLE], 600000);
	q.listener = "api";
	assert_int_equal(policy_lua.timeouts(p, &q, &a), POLICY_ANSWERED);
	assert_int_equal(a.deadlines.ms[DEADLINE_IDLE], 30000);
	assert_int_equal(a.deadlines.ms[DEADLINE_HALF_CLOSE], 10000);
	q.listener = "https";
	q.alpn_n = 0;
	assert_int_equal(policy_lua.timeouts(p, &q, &a), POLICY_NO_OPINION);
	lua_policy_free(p);
}

static void example_patience_bears_a_small_leak(void **state)
{
	struct lua_policy *p = example("patience.lua");
	struct policy_sick q = sick_worker();
	struct policy_worker a;

	(void)state;
	assert_int_equal(policy_lua.worker(p, &q, &a), POLICY_ANSWERED);
	assert_int_equal(a.treatment, TREATMENT_KEEP);
	q.fds = 600;
	assert_int_equal(policy_lua.worker(p, &q, &a), POLICY_NO_OPINION);
	q.verdict = "memory";
	assert_int_equal(policy_lua.worker(p, &q, &a), POLICY_ANSWERED);
	assert_int_equal(a.treatment, TREATMENT_DRAIN);
	q.role = "librarian";
	assert_int_equal(policy_lua.worker(p, &q, &a), POLICY_NO_OPINION);
	lua_policy_free(p);
}

static void example_routes_go_by_name(void **state)
{
	struct lua_policy *p = example("routes.lua");
	struct policy_question q = question("db.example.org");
	struct policy_route route;
	struct policy_chain a;

	(void)state;
	assert_int_equal(policy_lua.route(p, &q, &route), POLICY_ANSWERED);
	assert_string_equal(route.backend, "postgres");
	assert_int_equal(policy_lua.chain(p, &q, &a), POLICY_ANSWERED);
	assert_int_equal(a.sources.n, 2);
	q.sni = "git.corp.example.org";
	assert_int_equal(policy_lua.route(p, &q, &route), POLICY_NO_OPINION);
	assert_int_equal(policy_lua.chain(p, &q, &a), POLICY_ANSWERED);
	assert_int_equal(a.incomplete, CHAIN_REFUSE);
	q.sni = NULL;
	assert_int_equal(policy_lua.route(p, &q, &route), POLICY_NO_OPINION);
	assert_int_equal(policy_lua.chain(p, &q, &a), POLICY_ANSWERED);
	lua_policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(example_frontdoor_lets_in_what_its_file_names),
		cmocka_unit_test(example_timeouts_go_by_listener_and_protocol),
		cmocka_unit_test(example_patience_bears_a_small_leak),
		cmocka_unit_test(example_routes_go_by_name),
	};
	return cmocka_run_group_tests_name("lua_examples", tests, lua_fixture_setup, NULL);
}
