/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests plugins/policy/lua*.c with the bindings in lua/, and the examples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/hostset_build.h"
#include "common/log.h"
#include "lua/ticks.h"
#include "plugins/policy/lua.h"

#define HEAD "return { name = 't', api = 1, "

static const struct lua_limits limits = { .budget_us = 10000, .memory = 1 << 20 };
static struct sockaddr_in peer;
static struct bytes_view alpn[2] = { { (const uint8_t *)"h2", 2 }, { (const uint8_t *)"http/1.1", 8 } };
static const uint16_t versions[] = { 0x0304, 0x0303, 0x7f1c }, ciphers[] = { 0x1301, 0x1302, 0xc02b };
static struct deadlines deadlines;
static char error[256];

static struct policy_question question(const char *sni)
{
	return (struct policy_question){
		.sni = sni, .peer = (const struct sockaddr *)&peer, .port = 40000, .listener = "https",
		.alpn = alpn, .alpn_n = 2, .versions = versions, .versions_n = 3, .ciphers = ciphers, .ciphers_n = 3,
		.time_s = 1800000000, .backend = "app", .deadlines = &deadlines, .covered = true,
	};
}

static int begin(void **state)
{
	(void)state;
	peer = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(40000) };
	inet_pton(AF_INET, "192.0.2.7", &peer.sin_addr);
	for (int i = 0; i < DEADLINE_COUNT; i++)
		deadlines.ms[i] = deadline_default_ms(i);
	return ticks_start();
}

static struct lua_policy *new_with(const char *text, const char *settings, size_t settings_size,
	lua_find_set *find, void *data)
{
	const struct lua_script script = { .path = "/etc/tlsward/policy.d/t.lua", .text = text, .size = strlen(text),
		.settings = settings, .settings_size = settings_size };

	error[0] = '\0';
	return lua_policy_new(&script, &limits, find, data, error, sizeof error);
}

static struct lua_policy *new(const char *text)
{
	struct lua_policy *p = new_with(text, NULL, 0, NULL, NULL);

	if (!p)
		print_message("# %s\n", error);
	assert_non_null(p);
	return p;
}

/* The result of allow for an expression that is evaluated with hello. */
static bool is_true(const char *expression)
{
	char text[512];
	struct policy_question q = question("www.example.org");
	struct policy_allow a = { .allowed = false };

	snprintf(text, sizeof text, HEAD "allow = function(hello) return (%s) end }", expression);
	struct lua_policy *p = new(text);
	enum policy_result r = policy_lua.allow(p, &q, &a);
	lua_policy_free(p);
	return r == POLICY_ANSWERED && a.allowed;
}

/* ---- loading ---- */

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
		struct lua_policy *p = new_with(bad[i].text, NULL, 0, NULL, NULL);
		assert_null(p);
		assert_string_equal(error, bad[i].err);
	}
}

static void a_script_may_have_no_function_at_all(void **state)
{
	struct lua_policy *p = new(HEAD "}");
	struct policy_question q = question("a.example");
	struct policy_allow a;

	(void)state;
	assert_string_equal(lua_policy_name(p), "t");
	assert_string_equal(lua_policy_file(p), "t.lua");
	assert_int_equal(policy_lua.allow(p, &q, &a), POLICY_NO_OPINION);
	lua_policy_free(p);
}

/* ---- what it sees ---- */

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
	struct policy_question q = { .sni = "a.example", .time_s = 5, .deadlines = &deadlines };
	struct policy_allow a = { 0 };
	struct lua_policy *p = new(HEAD "allow = function(h) return h.sni == 'a.example' and h.time == 5 and h.peer == nil "
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
	struct lua_policy *p = new(HEAD "route = function(h) return h.peer end }");

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
	struct lua_policy *p = new("local kept\n" HEAD "allow = function(hello)\n"
		"if kept then return kept.sni == 'x' end\nkept = hello return true end }");

	(void)state;
	assert_int_equal(policy_lua.allow(p, &q, &a), POLICY_ANSWERED);
	assert_int_equal(policy_lua.allow(p, &q, &a), POLICY_ERROR);
	assert_string_equal(a.where, "t.lua:3");
	lua_policy_free(p);
}

/* ---- host sets ---- */

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

static bool allows(struct lua_policy *p, const char *sni)
{
	struct policy_question q = question(sni);
	struct policy_allow a = { 0 };

	assert_int_equal(policy_lua.allow(p, &q, &a), POLICY_ANSWERED);
	return a.allowed;
}

static void a_host_set_is_asked_and_replaced(void **state)
{
	struct one_set one = { "hosts.txt", set_of("www.example.org\n") };
	struct lua_policy *p = new_with(ASKS, NULL, 0, find_one, &one);

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
	assert_null(new_with(ASKS, NULL, 0, find_one, &one));
	assert_string_equal(error, "t.lua: there is no host set \"hosts.txt\"");
}

static void host_sets_are_empty_in_a_dry_run(void **state)
{
	struct lua_policy *p = new(ASKS);

	(void)state;
	assert_false(allows(p, "www.example.org"));
	lua_policy_free(p);
}

static void contains_takes_any_spelling_and_refuses_other_types(void **state)
{
	struct one_set one = { "hosts.txt", set_of("www.example.org\n") };
	struct lua_policy *p = new_with("local s = tlsward.hostset('hosts.txt') " HEAD
		"allow = function() return s:contains('WWW.Example.Org.') and not s:contains('a b') and not s:contains() "
		"and not pcall(s.contains, s, 5) and not pcall(s.contains, 5, 'x') and not pcall(tlsward.hostset, 'x') end }",
		NULL, 0, find_one, &one);

	(void)state;
	assert_non_null(p);
	assert_true(allows(p, "x.example"));
	lua_policy_free(p);
	hostset_unref(one.set);
}

/* ---- answers ---- */

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
		struct lua_policy *p = new(text);
		assert_int_equal(policy_lua.allow(p, &q, &a), cases[i].r);
		assert_string_equal(a.where, strchr("ew", cases[i].body[0] ? cases[i].body[0] : ' ') ? "t.lua:3" : "t.lua:2");
		if (cases[i].r == POLICY_ANSWERED) {
			assert_int_equal(a.allowed, cases[i].allowed);
			assert_int_equal(a.alert, cases[i].alert);
		}
		lua_policy_free(p);
	}
}

static enum policy_result timeouts(const char *value, struct policy_timeouts *a)
{
	struct policy_question q = question("a.example");
	char text[200];

	snprintf(text, sizeof text, HEAD "timeouts = function(hello) return %s end }", value);
	struct lua_policy *p = new(text);
	*a = (struct policy_timeouts){ .deadlines = deadlines };
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
	assert_int_equal(a.deadlines.ms[DEADLINE_CONNECT], deadlines.ms[DEADLINE_CONNECT]);
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
	char text[200];

	snprintf(text, sizeof text, HEAD "chain = function(hello) return %s end }", value);
	struct lua_policy *p = new(text);
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
	char text[200];

	(void)state;
	struct lua_policy *p = new(HEAD "route = function(hello) return hello.sni == 'a.example' and 'postgres' or nil end }");
	assert_int_equal(policy_lua.route(p, &q, &a), POLICY_ANSWERED);
	assert_string_equal(a.backend, "postgres");
	q.sni = NULL;
	assert_int_equal(policy_lua.route(p, &q, &a), POLICY_NO_OPINION);
	lua_policy_free(p);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(text, sizeof text, HEAD "route = function() return %s end }", bad[i]);
		p = new(text);
		assert_int_equal(policy_lua.route(p, &q, &a), POLICY_ERROR);
		lua_policy_free(p);
	}
}

static const struct policy_sick sick = { .role = "worker", .worker = 2, .generation = 3, .verdict = "fd_leak",
	.numbers = "descriptors=100", .since_s = 12.5, .uptime_s = 90, .cpu_share = .25, .memory_bytes = 1 << 20, .fds = 100,
	.fds_known = 20, .fds_limit = 1000, .heartbeat_age_s = .5, .connections = 9, .wakeups = 7, .stopped = true };

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
	struct ledger_policy counts = { .name = "" };
	struct policy_worker a = { .treatment = TREATMENT_NO_OPINION };
	char text[600];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(text, sizeof text, HEAD "worker = function(s, v) %s end }", cases[i].script);
		struct lua_policy *p = new(text);
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

static void of_several_the_first_that_knows_what_to_do_counts(void **state)
{
	struct lua_policy *fails = new(HEAD "worker = function() error('x') end }"), *other = new(HEAD "route = function() end }"),
		*keeps = new(HEAD "worker = function() return 'keep' end }");
	const struct policy list[] = { { &policy_lua, fails }, { &policy_lua, other }, { &policy_lua, keeps }, { &policy_fixed, NULL }, { 0 } };
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

/* ---- accounts ---- */

static void results_are_counted_apart_and_the_last_error_is_kept(void **state)
{
	struct ledger_policy counts = { .name = "" };
	static struct ledger_head doing;
	struct policy_allow a;
	struct lua_policy *p = new(HEAD "\nallow = function(h)\n"
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
	struct lua_policy *bad = new(HEAD "allow = function() error('x') end, route = function() error('x') end, "
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
	assert_int_equal(t.deadlines.ms[DEADLINE_IDLE], deadlines.ms[DEADLINE_IDLE]);
	lua_policy_free(bad);
}

static void a_script_that_loops_once_is_loaded_anew(void **state)
{
	struct policy_question q = question("loop"), other = question("a.example");
	struct policy_allow a = { 0 };
	struct lua_policy *p = new("local n = 0\n" HEAD "allow = function(h) n = n + 1\n"
		"while h.sni == 'loop' do end return n == 1 end }");

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(policy_lua.allow(p, &q, &a), POLICY_OUT_OF_BUDGET);
		assert_int_equal(policy_lua.allow(p, &other, &a), POLICY_ANSWERED);
		assert_true(a.allowed);	/* its locals are those of a fresh script */
	}
	lua_policy_free(p);
}

/* ---- logging ---- */

static void a_script_logs_ten_lines_a_second(void **state)
{
	char text[16384] = "";
	int fds[2], lines = 0;
	struct lua_policy *p = new(HEAD "allow = function(h) for i = 1, 500 do tlsward.log('info', 'line\\n' .. i) end "
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
	struct lua_policy *p = new(HEAD "allow = function(h) while true do tlsward.log('error', 'x') end end }");

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(policy_lua.allow(p, &q, &a), POLICY_OUT_OF_BUDGET);
	lua_policy_free(p);
}

/* ---- the examples ---- */

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
	struct lua_policy *p = lua_policy_new(&script, &limits, find_example, &set, error, sizeof error);

	if (!p)
		print_message("# %s\n", error);
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
	struct policy_timeouts a = { .deadlines = deadlines };

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
	struct policy_sick q = sick;
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

static void a_call_costs_a_few_microseconds(void **state)
{
	struct one_set one = { "hosts.txt", set_of("www.example.org\n.example.net\n*.example.com\n") };
	struct lua_policy *p = new_with(ASKS, NULL, 0, find_one, &one);
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
		cmocka_unit_test(what_is_wrong_with_a_script_is_said_with_file_and_line),
		cmocka_unit_test(a_script_may_have_no_function_at_all),
		cmocka_unit_test(hello_has_what_the_client_said),
		cmocka_unit_test(hello_is_read_only_and_knows_its_fields),
		cmocka_unit_test(without_a_client_there_is_a_name_and_a_time),
		cmocka_unit_test(addresses_are_written_without_their_port),
		cmocka_unit_test(a_kept_hello_gives_an_error),
		cmocka_unit_test(a_host_set_is_asked_and_replaced),
		cmocka_unit_test(a_host_set_that_is_not_there_is_an_error),
		cmocka_unit_test(host_sets_are_empty_in_a_dry_run),
		cmocka_unit_test(contains_takes_any_spelling_and_refuses_other_types),
		cmocka_unit_test(allow_answers_yes_no_or_nothing),
		cmocka_unit_test(timeouts_change_what_they_name),
		cmocka_unit_test(timeouts_that_are_none_are_errors),
		cmocka_unit_test(chain_names_sources_in_order),
		cmocka_unit_test(chains_that_are_none_are_errors),
		cmocka_unit_test(route_names_a_backend),
		cmocka_unit_test(worker_says_what_is_done_with_the_sick),
		cmocka_unit_test(of_several_the_first_that_knows_what_to_do_counts),
		cmocka_unit_test(results_are_counted_apart_and_the_last_error_is_kept),
		cmocka_unit_test(a_list_fails_closed_in_allow_and_goes_on_in_the_others),
		cmocka_unit_test(a_script_that_loops_once_is_loaded_anew),
		cmocka_unit_test(a_script_logs_ten_lines_a_second),
		cmocka_unit_test(a_loop_that_logs_ends),
		cmocka_unit_test(example_frontdoor_lets_in_what_its_file_names),
		cmocka_unit_test(example_timeouts_go_by_listener_and_protocol),
		cmocka_unit_test(example_patience_bears_a_small_leak),
		cmocka_unit_test(example_routes_go_by_name),
		cmocka_unit_test(a_call_costs_a_few_microseconds),
	};
	log_set_level(LOG_LEVEL_ERROR + 1);
	return cmocka_run_group_tests_name("lua_policy", tests, begin, NULL);
}
