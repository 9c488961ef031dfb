/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests what supervisor/conf*.c say of a file that they refuse: a case is its text, and line and words of the report. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "t/unit/conf_fixture.h"

static void a_file_that_cannot_be_read_says_why(void **state)
{
	(void)state;
	assert_null(read_file(in_folder("none.conf")));
	assert_said("none.conf", 0, "No such file");
	assert_null(read_file(in_folder(".")));
	assert_said(".", 0, "not a regular file");
	assert_int_equal(said_n(), 1);
}

static void a_syntax_error_has_file_and_line(void **state)
{
	(void)state;
	assert_refused(BASE "\nlog = { level = ; };\n", 5, "syntax error");
	assert_refused(BASE "workers = 1;\nworkers = 2;\n", 5, "duplicate");
}

/* One file and its one report each. */
static const struct {
	const char *text;
	int line;
	const char *words;
} refusals[] = {
	/* unknown keys */
	{ BASE "\nlogg = { };\n", 5, "logg is not a setting|did you mean \"log\"" },
	{ BASE "log = {\n levle = \"info\"; };\n", 5, "log.levle|did you mean \"level\"" },
	{ BASE "log = { zzz = 1; };\n", 4, "known here are to, format, level, connections" },
	{ BASE "zzz = 1;\n", 4, "known here are workers, user|listeners|timeouts, limits, policy" },
	{ BACKEND CERTIFICATE "listeners = ( { name = \"a\"; address = \"::\";\n prot = 1; port = 2; backend = \"app\"; } );\n",
	  4, "listeners[0].prot|did you mean \"port\"" },
	/* wrong types */
	{ BASE "log = 5;\n", 4, "log must be a block|an integer" },
	{ BASE "workers = { };\n", 4, "workers|\"auto\" or an integer|a block" },
	{ BASE "workers = \"two\";\n", 4, "workers|\"auto\"|\"two\"" },
	{ BASE "workers = 2.0;\n", 4, "workers|a number with a point" },
	{ BASE "user = 1000;\n", 4, "user must be a string|an integer" },
	{ BASE "sandbox = true;\n", 4, "sandbox|\"off\", \"on\"|true or false" },
	{ BASE "tls = { minimum = 1.2; };\n", 4, "tls.minimum|\"1.2\", \"1.3\"|a number with a point" },
	{ BASE "tls = { tickets = 1; };\n", 4, "tls.tickets|true or false|an integer" },
	{ BASE "timeouts = { idle = \"5\"; };\n", 4, "timeouts.idle|a number of seconds|a string" },
	{ BASE "limits = { spill_mb = 1.5; };\n", 4, "limits.spill_mb|an integer|a number with a point" },
	{ BASE "control = { admins = \"root\"; };\n", 4, "control.admins|array of strings|a string" },
	{ BASE "control = { admins = [ 1 ]; };\n", 4, "control.admins[0] must be a string" },
	{ LISTENER BACKEND "certificates = { directory = \"d\"; };\n", 3, "certificates|list of blocks|a block" },
	{ LISTENER BACKEND "certificates = ( \"d\" );\n", 3, "certificates[0]|a block|a string" },
	/* out of range */
	{ BASE "workers = 0;\n", 4, "workers|from 1 to 64|0" },
	{ BASE "workers = 65;\n", 4, "workers|from 1 to 64|65" },
	{ BASE "timeouts = { linger = 0; };\n", 4, "timeouts.linger|from 0.05 to 604800, but is 0" },
	{ BASE "timeouts = { idle = 0.04; };\n", 4, "timeouts.idle|or 0 for none|0.04" },
	{ BASE "timeouts = { idle = 604801; };\n", 4, "timeouts.idle|604800" },
	{ BASE "timeouts = { idle = 1e999; };\n", 4, "timeouts.idle|604800|inf" },
	{ BASE "keeper = { deadline = 6; };\n", 4, "keeper.deadline|from 0.05 to 5" },
	{ BASE "limits = { connections = -1; };\n", 4, "limits.connections|from 0 to 1000000|-1" },
	{ BASE "limits = { per_address = -1; };\n", 4, "limits.per_address|from 0 to 1000000|-1" },
	{ BASE "limits = { handshakes = 2000000; };\n", 4, "limits.handshakes|from 0 to 1000000" },
	{ BASE "limits = { descriptors = 63; };\n", 4, "limits.descriptors|from 64 to 1048576 (or 0" },
	{ BASE "limits = { connections = 5000000000L; };\n", 4, "limits.connections|5000000000" },
	{ BASE "log = { level = \"infos\"; };\n", 4, "log.level|debug|did you mean \"info\"" },
	{ BASE "log = { to = \"sterr\"; };\n", 4, "log.to|journal|did you mean \"stderr\"" },
	{ BASE "user = \"\";\n", 4, "user must not be empty" },
	/* numbers that libconfig would mangle */
	{ BASE "limits = { connections = 4294967296; };\n", 4, "the number 4294967296 is too large" },
	{ BASE "timeouts = { idle =\n3000000000; };\n", 5, "3000000000" },
	{ BASE "/* 1\n\"*/ tls = { priority = \"\\\"#\"; }; # \"\nkeeper = { deadline = 5000000000; };\n", 6, "5000000000" },
	{ BASE "workers = 0x100000001;\n", 4, "0x100000001" },
	{ BASE "workers = -4294967295;\n", 4, "-4294967295" },
	{ BASE "workers = 99999999999999999999L;\n", 4, "99999999999999999999L" },
	/* settings of scripts */
	{ BASE "policy = { settings = 5; };\n", 4, "policy.settings must be a block" },
	{ BASE "policy = { settings = { a = 5; }; };\n", 4, "policy.settings.a must be a block|an integer" },
	{ BASE "policy = { settings = { a = {\nb = ( ); }; }; };\n", 5, "policy.settings.a.b must be a string, a number, true or false" },
	{ BASE "policy = { settings = { a = { b = 5000000000; }; }; };\n", 4, "5000000000 is too large" },
	{ BASE "policy = { memory = 1; };\n", 4, "policy.memory|from 131072" },
	/* what has to be there */
	{ BACKEND CERTIFICATE, 0, "listeners is missing" },
	{ BASE "\nlog = { };\ncontrol = { socket = \"\"; };\n", 6, "control.socket must not be empty" },
	{ BACKEND CERTIFICATE "listeners = ( );\n", 3, "listeners must have from 1" },
	{ LISTENER BACKEND "certificates = [ ];\n", 3, "certificates must have from 1" },
	{ BACKEND CERTIFICATE "listeners = (\n{ address = \"::\"; port = 1; backend = \"app\"; } );\n", 4, "listeners[0] lacks name" },
	{ BACKEND CERTIFICATE "listeners = ( { name = \"a\"; port = 1; backend = \"app\"; } );\n", 3, "lacks address" },
	{ BACKEND CERTIFICATE "listeners = ( { name = \"a\"; address = \"::\"; backend = \"app\"; } );\n", 3, "lacks port" },
	{ BACKEND CERTIFICATE "listeners = ( { name = \"a\"; address = \"::\"; port = 1; } );\n", 3, "lacks backend" },
	{ LISTENER CERTIFICATE "backends = ( { name = \"app\"; } );\n", 3, "backends[0] lacks servers" },
	{ LISTENER CERTIFICATE "backends = ( { name = \"app\"; servers = [ ]; } );\n", 3, "backends[0].servers must have from 1" },
	{ LISTENER CERTIFICATE "backends = ( { name = \"app\"; servers = [ \"a:1\" ]; }, { servers = [ \"a:1\" ]; } );\n",
	  3, "backends[1] lacks name" },
	/* certificates */
	{ LISTENER BACKEND "certificates = (\n{ } );\n", 4, "certificates[0] has neither chain nor directory" },
	{ LISTENER BACKEND "certificates = ( { key = \"k\"; } );\n", 3, "a key but no chain" },
	{ LISTENER BACKEND "certificates = ( { chain = \"c\"; directory = \"d\"; } );\n", 3, "directory and chain" },
	{ LISTENER BACKEND "certificates = ( { key = \"c\"; directory = \"d\"; } );\n", 3, "directory and key" },
	{ BASE "watch = { interval = 0.05; };\n", 4, "watch.interval|from 0.1 to 60" },
	{ BASE "watch = { fd_leak = { above = 64.5; }; };\n", 4, "watch.fd_leak.above|must be an integer" },
	{ BASE "watch = { fd_leak = 64; };\n", 4, "watch.fd_leak|must be a block" },
	{ BASE "watch = { cpu_spin = {\nshare = \"all\"; }; };\n", 5, "watch.cpu_spin.share|must be a number, but" },
	{ BASE "watch = { cpu_spin = { share = 90; }; };\n", 4, "watch.cpu_spin.share|from 0.1 to 1" },
	{ BASE "watch = { stall = { atfer = 5; }; };\n", 4, "watch.stall.atfer|after" },
	/* what does not fit together */
	{ BASE "timeouts = { hello = 11; };\n", 4, "timeouts.hello|handshake (10 s)" },
	{ BASE "timeouts = { handshake = 4; };\n", 4, "timeouts.handshake|hello (5 s)" },
	{ BASE "limits = { spill_kb = 2048; spill_mb = 1; };\n", 4, "limits.spill_kb|2048 KiB" },
	/* not built yet */
	{ BASE "chains = { sources = [ \"file\", \"stor\" ]; };\n", 4, "chains.sources[1]|\"stor\"|did you mean \"store\"" },
	{ BASE "chains = { sources = [ \"file\", \"file\" ]; };\n", 4, "names \"file\" twice" },
	{ BASE "chains = { sources = [ ]; };\n", 4, "chains.sources must have from 1 to 5" },
	{ BASE "aia = { size = 100; };\n", 4, "aia.size|1024" },
	{ BASE "aia = { timeout = 61; };\n", 4, "aia.timeout|60" },
	{ BASE "ocsp = { staple = 1; };\n", 4, "ocsp.staple" },
	{ BASE "ocsp = { timeout = 0; };\n", 4, "ocsp.timeout|0.1" },
	/* acme */
	{ BASE "acme = { names = [ \"a.example.org\" ]; };\n", 4, "acme|names but no directory" },
	{ BASE "acme = { directory = \"http://ca.example.org\"; };\n", 4, "acme.directory|https://|\"http://ca.example.org\"" },
	{ BASE "acme = { directory = \"https://ca.example.org/ -h x\"; };\n", 4, "acme.directory|must be a URL" },
	{ BASE "acme = { names = [ \"*.example.org\" ]; directory = \"https://ca\"; };\n", 4, "acme.names[0]|\"*.example.org\"" },
	{ BASE "acme = { names = [ \"../a\" ]; directory = \"https://ca\"; };\n", 4, "acme.names[0]|\"../a\"" },
	{ BASE "acme = { contact = \"-y\"; };\n", 4, "acme.contact|e-mail address|\"-y\"" },
	{ BASE "acme = { contact = \"-y@example.org\"; };\n", 4, "acme.contact|e-mail address" },
	{ BASE "acme = { challenge = \"dns-01\"; };\n", 4, "acme.challenge|tls-alpn-01|http-01" },
	{ BASE "acme = { challenge = \"http-01\"; };\n", 4, "acme|\"http-01\" but no webroot" },
	{ BASE "acme = { timeout = 0.5; };\n", 4, "acme.timeout|from 1 to 3600" },
	{ BASE "acme = { orders_per_hour = 0; };\n", 4, "acme.orders_per_hour|from 1 to 1000" },
	{ BASE "limits = { holds = -1; };\n", 4, "limits.holds|from 0 to 1000000|-1" },
	{ BASE "limits = { holds_per_name = 1000001; };\n", 4, "limits.holds_per_name|1000001" },
};

static void each_error_is_said_once_with_file_and_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
		assert_refused(refusals[i].text, refusals[i].line, refusals[i].words);
}

static void assert_listener_refused(const char *members, const char *words)
{
	char text[2048];

	snprintf(text, sizeof text, BACKEND CERTIFICATE
		"listeners = ( { name = \"a\"; address = \"127.0.0.1\"; port = 1; backend = \"app\"; },\n %s );\n", members);
	assert_refused(text, 4, words);
}

static void listeners_are_checked_against_each_other_and_the_backends(void **state)
{
	(void)state;
	assert_listener_refused("{ name = \"a\"; address = \"::1\"; port = 1; backend = \"app\"; }", "listeners[1].name|\"a\"|line 3");
	assert_listener_refused("{ name = \"b\"; address = \"127.0.0.1\"; port = 1; backend = \"app\"; }", "listeners[1].port|line 3");
	assert_listener_refused("{ name = \"b\"; address = \"0.0.0.0\"; port = 1; backend = \"app\"; }", "listeners[1].port|line 3");
	assert_listener_refused("{ name = \"b\"; address = \"::1\"; port = 1; backend = \"appp\"; }",
		"listeners[1].backend|\"appp\"|did you mean \"app\"");
	assert_listener_refused("{ name = \"b c\"; address = \"::1\"; port = 1; backend = \"app\"; }", "listeners[1].name|\"b c\"");
	assert_listener_refused("{ name = \"b\"; address = \"localhost\"; port = 1; backend = \"app\"; }", "address|\"localhost\"");
	assert_listener_refused("{ name = \"b\"; address = \"[::1]\"; port = 1; backend = \"app\"; }", "address|\"[::1]\"");
	assert_listener_refused("{ name = \"b\"; address = \"127.0.0.1:443\"; port = 1; backend = \"app\"; }", "without a port");
	assert_listener_refused("{ name = \"b\"; address = \"::1\"; port = 0; backend = \"app\"; }", "port|from 1 to 65535");
	assert_listener_refused("{ name = \"b\"; address = \"::1\"; port = 65536; backend = \"app\"; }", "port|from 1 to 65535");
	assert_listener_refused("{ name = \"b\"; address = \"::1\"; port = 1; backend = \"app\"; alpn = [ \"\" ]; }", "alpn[0]|empty");
	assert_listener_refused("{ name = \"b\"; address = \"::1\"; port = 1; backend = \"app\"; default_certificate = \"a b\"; }",
		"default_certificate|\"a b\"");
	assert_listener_refused("{ name = \"b\"; address = \"::1\"; port = 1; backend = \"app\"; default_certificate = \"10.0.0.1\"; }",
		"default_certificate|\"10.0.0.1\"");
	assert_listener_refused("{ name = \"b\"; address = \"::1\"; port = 1; backend = \"app\"; timeouts = { drain = 5; }; }",
		"timeouts.drain|for all listeners");
	assert_listener_refused("{ name = \"b\"; address = \"::1\"; port = 1; backend = \"app\"; timeouts = { hello = 12; }; }",
		"timeouts.hello|handshake (10 s)");
}

static void alpn_is_bounded_as_gnutls_bounds_it(void **state)
{
	char name[33], members[512];

	(void)state;
	assert_listener_refused("{ name = \"b\"; address = \"::1\"; port = 1; backend = \"app\";"
		" alpn = [ \"1\", \"2\", \"3\", \"4\", \"5\", \"6\", \"7\", \"8\", \"9\" ]; }", "alpn|8|9");
	memset(name, 'x', 32);
	name[32] = '\0';
	snprintf(members, sizeof members, "{ name = \"b\"; address = \"::1\"; port = 1; backend = \"app\"; alpn = [ \"%s\" ]; }", name);
	assert_listener_refused(members, "alpn[0]|31|32");
}

static void odd_servers_are_refused(void **state)
{
	static const char *const odd[] = {
		"127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", ":80", "::1:80", "[::1]", "[::1:80", "[1.2.3.4]:80",
		"a b:80", "http://a:80", "unix:", "a..b:80", "[app]:80"
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		snprintf(text, sizeof text, LISTENER CERTIFICATE "backends = ( { name = \"app\";\n servers = [ \"%s\" ]; } );\n", odd[i]);
		assert_refused(text, 4, "backends[0].servers[0] must be a server");
	}
	assert_refused(LISTENER CERTIFICATE "backends = ( { name = \"app\"; servers = [ \"a:1\" ]; proxy_protocol = 3; } );\n", 3,
		"proxy_protocol|from 0 to 2");
	assert_refused(LISTENER CERTIFICATE "backends = ( { name = \"app\"; servers = [ \"a:1\" ]; },\n"
		"{ name = \"app\"; servers = [ \"a:2\" ]; } );\n", 4, "backends[1].name|\"app\"|line 3");
}

static void a_socket_path_has_at_most_107_bytes(void **state)
{
	char path[109], text[512];

	(void)state;
	for (size_t n = 107; n <= 108; n++) {
		memset(path, 'x', sizeof path);
		path[0] = '/';
		path[n] = '\0';
		snprintf(text, sizeof text, LISTENER CERTIFICATE "control = { socket = \"%s\"; };\n"
			"backends = ( { name = \"app\"; servers = [ \"unix:%s\" ]; } );\n", path, path);
		if (n == 107) {
			conf_free(read_good(text));
			continue;
		}
		assert_null(read_text(text));
		assert_int_equal(said_n(), 2);
		assert_said("t.conf", 3, "control.socket|at most 107");
		assert_said("t.conf", 4, "backends[0].servers[0]|at most 107");
	}
}

static void all_errors_of_a_file_are_said_at_once(void **state)
{
	(void)state;
	assert_null(read_text(
		"wrkers = 1;\n"
		"log = { level = 7;\n to = \"x\"; };\n"
		"listeners = ( { name = \"a\"; address = \"nowhere\"; port = 99999; backend = \"none\"; timeouts = { idle = -1; }; },\n"
		"  5 );\n"
		"backends = ( { name = \"app\"; servers = [ \"bad\", \"a:1\", \"worse\" ]; } );\n"
		"limits = { connections = 3000000000; holds = -1; };\n"));
	assert_said("t.conf", 1, "wrkers|\"workers\"");
	assert_said("t.conf", 2, "log.level");
	assert_said("t.conf", 3, "log.to");
	assert_said("t.conf", 4, "address|\"nowhere\"");
	assert_said("t.conf", 4, "port|99999");
	assert_said("t.conf", 4, "backend|\"none\"");
	assert_said("t.conf", 4, "listeners[0].timeouts.idle|-1");
	assert_said("t.conf", 5, "listeners[1] must be a block");
	assert_said("t.conf", 6, "servers[0]|\"bad\"");
	assert_said("t.conf", 6, "servers[2]|\"worse\"");
	assert_said("t.conf", 7, "3000000000");
	assert_said("t.conf", 7, "limits.holds");
	assert_said("t.conf", 0, "certificates is missing");
	assert_int_equal(said_n(), 13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_cannot_be_read_says_why),
		cmocka_unit_test(a_syntax_error_has_file_and_line),
		cmocka_unit_test(each_error_is_said_once_with_file_and_line),
		cmocka_unit_test(listeners_are_checked_against_each_other_and_the_backends),
		cmocka_unit_test(alpn_is_bounded_as_gnutls_bounds_it),
		cmocka_unit_test(odd_servers_are_refused),
		cmocka_unit_test(a_socket_path_has_at_most_107_bytes),
		cmocka_unit_test(all_errors_of_a_file_are_said_at_once),
	};
	return cmocka_run_group_tests_name("conf_errors", tests, conf_fixture_setup, conf_fixture_teardown);
}
