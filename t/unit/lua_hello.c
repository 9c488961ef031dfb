/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests lua/bind_hello.c in scripts: what they see of a ClientHello. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "t/unit/lua_fixture.h"

/* The result of allow for an expression that is evaluated with hello. */
static bool is_true(const char *expression)
{
	char text[512];
	struct policy_question q = question("www.example.org");
	struct policy_allow a = { .allowed = false };

	snprintf(text, sizeof text, HEAD "allow = function(hello) return (%s) end }", expression);
	struct lua_policy *p = load_good(text);
	enum policy_result r = policy_lua.allow(p, &q, &a);
	lua_policy_free(p);
	return r == POLICY_ANSWERED && a.allowed;
}

static void hello_has_what_the_client_said(void **state)
{
	(void)state;
	assert_true(is_true("hello.sni == 'www.example.org'"));
	assert_true(is_true("#hello.alpn == 2 and hello.alpn[1] == 'h2' and hello.alpn[2] == 'http/1.1'"));
	assert_true(is_true("#hello.versions == 3 and hello.versions[1] == '1.3' and hello.versions[2] == '1.2'"));
	assert_true(is_true("hello.versions[3] == '0x7f1c'"));
	assert_true(is_true("#hello.ciphers == 3 and hello.ciphers[1] == 0x1301"));
	assert_true(is_true("hello.peer == '192.0.2.7' and hello.port == 40000"));
	assert_true(is_true("hello.listener == 'https' and hello.time == 1800000000"));
}

static void hello_is_read_only_and_knows_its_fields(void **state)
{
	(void)state;
	assert_true(is_true("not pcall(function() hello.sni = 'x' end)"));
	assert_true(is_true("not pcall(function() return hello.name end)"));
	assert_true(is_true("not pcall(function() return hello[1] end)"));
	assert_true(is_true("not pcall(function() return hello[nil] end)"));
	assert_true(is_true("hello.alpn ~= hello.alpn"));
}

static void without_a_client_there_is_a_name_and_a_time(void **state)
{
	struct policy_question q = { .sni = "a.example", .time_s = 5, .deadlines = question(NULL).deadlines };
	struct policy_allow a = { 0 };
	struct lua_policy *p = load_good(HEAD "allow = function(h) return h.sni == 'a.example' and h.time == 5 and h.peer == nil "
		"and h.port == nil and h.listener == nil and #h.alpn == 0 and #h.versions == 0 and #h.ciphers == 0 end }");

	(void)state;
	assert_int_equal(policy_lua.allow(p, &q, &a), POLICY_ANSWERED);
	assert_true(a.allowed);
	lua_policy_free(p);
}

static void addresses_are_written_without_their_port(void **state)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(5) };
	struct policy_question q = question(NULL);
	struct policy_route a;
	struct lua_policy *p = load_good(HEAD "route = function(h) return h.peer end }");

	(void)state;
	q.peer = (const struct sockaddr *)&six;
	inet_pton(AF_INET6, "2001:db8::1", &six.sin6_addr);
	assert_int_equal(policy_lua.route(p, &q, &a), POLICY_ANSWERED);
	assert_string_equal(a.backend, "2001:db8::1");
	inet_pton(AF_INET6, "::ffff:192.0.2.9", &six.sin6_addr);
	assert_int_equal(policy_lua.route(p, &q, &a), POLICY_ANSWERED);
	assert_string_equal(a.backend, "192.0.2.9");
	lua_policy_free(p);
}

static void a_kept_hello_gives_an_error(void **state)
{
	struct policy_question q = question("a.example");
	struct policy_allow a;
	struct lua_policy *p = load_good("local kept\n" HEAD "allow = function(hello)\n"
		"if kept then return kept.sni == 'x' end\nkept = hello return true end }");

	(void)state;
	assert_int_equal(policy_lua.allow(p, &q, &a), POLICY_ANSWERED);
	assert_int_equal(policy_lua.allow(p, &q, &a), POLICY_ERROR);
	assert_string_equal(a.where, "t.lua:3");
	lua_policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_has_what_the_client_said),
		cmocka_unit_test(hello_is_read_only_and_knows_its_fields),
		cmocka_unit_test(without_a_client_there_is_a_name_and_a_time),
		cmocka_unit_test(addresses_are_written_without_their_port),
		cmocka_unit_test(a_kept_hello_gives_an_error),
	};
	return cmocka_run_group_tests_name("lua_hello", tests, lua_fixture_setup, NULL);
}
