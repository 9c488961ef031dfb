/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests lua/bind_hostset.c in scripts, and what a call costs that asks a host set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "common/hostset_build.h"
#include "t/unit/lua_fixture.h"

static struct hostset *set_of(const char *text)
{
	char err[100];
	uint32_t names;
	int fd;

	assert_int_equal(hostset_build(text, strlen(text), &fd, &names, err, sizeof err), 0);
	return hostset_load(fd);
}

struct one_set { const char *name; struct hostset *set; };

static struct hostset *find_one(void *data, const char *name)
{
	const struct one_set *one = data;

	return strcmp(one->name, name) == 0 ? one->set : NULL;
}

#define ASKS "local s = tlsward.hostset('hosts.txt') " HEAD "allow = function(h) return s:contains(h.sni) end }"

static void a_host_set_is_asked_and_replaced(void **state)
{
	struct one_set one = { "hosts.txt", set_of("www.example.org\n") };
	struct lua_policy *p = load_text(ASKS, find_one, &one);

	(void)state;
	assert_non_null(p);
	assert_string_equal(lua_policy_set_name(p, 0), "hosts.txt");
	assert_null(lua_policy_set_name(p, 1));
	assert_true(allows(p, "www.example.org"));
	assert_false(allows(p, "other.example.org"));
	assert_false(allows(p, NULL));
	hostset_unref(one.set);
	one.set = set_of("other.example.org\n");
	lua_policy_set(p, "hosts.txt", one.set);
	lua_policy_set(p, "unknown.txt", one.set);
	hostset_unref(one.set);
	assert_false(allows(p, "www.example.org"));
	assert_true(allows(p, "other.example.org"));
	lua_policy_free(p);
}

static void a_host_set_that_is_not_there_is_an_error(void **state)
{
	struct one_set one = { "others.txt", NULL };

	(void)state;
	assert_null(load_text(ASKS, find_one, &one));
	assert_string_equal(load_error(), "t.lua: there is no host set \"hosts.txt\"");
}

static void host_sets_are_empty_in_a_dry_run(void **state)
{
	struct lua_policy *p = load_good(ASKS);

	(void)state;
	assert_false(allows(p, "www.example.org"));
	lua_policy_free(p);
}

static void contains_takes_any_spelling_and_refuses_other_types(void **state)
{
	struct one_set one = { "hosts.txt", set_of("www.example.org\n") };
	struct lua_policy *p = load_text("local s = tlsward.hostset('hosts.txt') " HEAD
		"allow = function() return s:contains('WWW.Example.Org.') and not s:contains('a b') and not s:contains() "
		"and not pcall(s.contains, s, 5) and not pcall(s.contains, 5, 'x') and not pcall(tlsward.hostset, 'x') end }",
		find_one, &one);

	(void)state;
	assert_non_null(p);
	assert_true(allows(p, "x.example"));
	lua_policy_free(p);
	hostset_unref(one.set);
}

static void a_call_costs_a_few_microseconds(void **state)
{
	struct one_set one = { "hosts.txt", set_of("www.example.org\n.example.net\n*.example.com\n") };
	struct lua_policy *p = load_text(ASKS, find_one, &one);
	struct policy_question q = question("www.example.org");
	struct policy_allow a;
	struct timespec from, to;
	const int calls = 200000;

	(void)state;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (int i = 0; i < calls; i++)
		assert_int_equal(policy_lua.allow(p, &q, &a), POLICY_ANSWERED);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	double ns = ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / calls;
	print_message("# %.0f ns for an allow that asks a host set\n", ns);
	assert_true(ns < 100000);
	lua_policy_free(p);
	hostset_unref(one.set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_set_is_asked_and_replaced),
		cmocka_unit_test(a_host_set_that_is_not_there_is_an_error),
		cmocka_unit_test(host_sets_are_empty_in_a_dry_run),
		cmocka_unit_test(contains_takes_any_spelling_and_refuses_other_types),
		cmocka_unit_test(a_call_costs_a_few_microseconds),
	};
	return cmocka_run_group_tests_name("lua_hostset", tests, lua_fixture_setup, NULL);
}
