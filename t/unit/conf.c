/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests what supervisor/conf*.c read from a good file, and from which files; conf_errors.c has what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "t/unit/conf_fixture.h"

static void a_small_file_gets_every_default(void **state)
{
	struct conf *c = read_good(BASE);

	(void)state;
	assert_string_equal(c->path, in_folder("t.conf"));
	assert_string_equal(c->files[0], in_folder("t.conf"));
	assert_null(c->files[1]);
	assert_int_equal(c->workers, 0);
	assert_string_equal(c->user, "tlsward");
	assert_string_equal(c->keeper_user, "tlsward-keys");
	assert_string_equal(c->librarian_user, "tlsward-lib");
	assert_string_equal(c->state_directory, LOCALSTATEDIR "/lib/tlsward");
	assert_true(c->sandbox);
	assert_string_equal(c->control.socket, "/run/tlsward/control.sock");
	assert_string_equal(c->control.group, "tlsward-admin");
	assert_string_equal(c->control.admins[0], "root");
	assert_null(c->control.admins[1]);
	assert_string_equal(c->log.to, "stderr");
	assert_int_equal(c->log.format, CONF_LOG_LOGFMT);
	assert_int_equal(c->log.level, LOG_LEVEL_INFO);
	assert_true(c->log.connections);
	assert_int_equal(c->tls.minimum, CONF_TLS_1_2);
	assert_true(c->tls.tickets);
	assert_int_equal(c->tls.truncation, CONF_TRUNCATION_ERROR);
	assert_string_equal(c->tls.priority, "");
	assert_int_equal(c->limits.per_address, 0);
	assert_int_equal(c->limits.handshakes, 0);
	assert_int_equal(c->limits.descriptors, 0);
	assert_int_equal(c->limits.spill_mb, 64);
	assert_int_equal(c->limits.spill_kb, 1024);
	assert_int_equal(c->limits.spurious_wakeups, 200);
	assert_int_equal(c->limits.holds_per_name, 100);
	assert_true(c->keeper.deadline > 0.2499 && c->keeper.deadline < 0.2501);
	assert_true(c->watch.interval > 0.999 && c->watch.interval < 1.001);
	assert_int_equal(c->watch.fd_leak.above, 64);
	assert_int_equal(c->watch.memory.limit_mb, 0);
	for (int d = 0; d < DEADLINE_COUNT; d++) {
		assert_int_equal(c->deadlines.ms[d], deadline_default_ms((enum deadline)d));
		assert_int_equal(c->listeners[0].deadlines.ms[d], deadline_default_ms((enum deadline)d));
	}
	assert_null(c->listeners[0].alpn[0]);
	assert_null(c->listeners[0].default_certificate);
	assert_int_equal(c->listeners[0].where.line, 1);
	assert_int_equal(c->backends[0].proxy_protocol, 0);
	assert_int_equal(c->certificates[0].where.line, 3);
	assert_string_equal(c->certificates[0].directory, in_folder("certs"));
	conf_free(c);
}

static const char every_key[] =
	"workers = 3; user = \"a\"; keeper_user = \"b\"; librarian_user = \"10\";\n"
	"state_directory = \"state\"; sandbox = \"off\";\n"
	"control = { socket = \"c.sock\"; group = \"\"; admins = [ \"root\", \"@wheel\" ]; };\n"
	"log = { to = \"logs/t.log\"; format = \"json\"; level = \"error\"; connections = false; };\n"
	"listeners = (\n"
	"  { name = \"https\"; address = \"0.0.0.0\"; port = 443; backend = \"app\"; alpn = [ \"h2\", \"http/1.1\" ];\n"
	"    default_certificate = \"WWW.example.org\"; timeouts = { idle = 600; hello = 2.5; closed_window = 0; progress = 5; }; },\n"
	"  { name = \"six\"; address = \"::\"; port = 443; backend = \"app\"; } );\n"
	"backends = ( { name = \"app\"; proxy_protocol = 2;\n"
	"  servers = ( \"127.0.0.1:8080\", \"[::1]:8080\", \"app.example.org:80\", \"unix:/run/app.sock\", \"unix:app.sock\" ); } );\n"
	"certificates = ( { chain = \"/a.pem\"; key = \"a.key\"; }, { chain = \"b.pem\"; }, { directory = \"c\"; } );\n"
	"tls = { minimum = \"1.3\"; tickets = false; truncation = \"half_close\"; priority = \"NORMAL\"; };\n"
	"timeouts = { hello = 5; handshake = 10; connect = 4; idle = 0; progress = 0; closed_window = 60; half_close = 30;\n"
	"  linger = 0.5; lifetime = 86400; drain = 7; };\n"
	"limits = { connections = 5000; per_address = 20; handshakes = 300; descriptors = 2000; spill_mb = 32; spill_kb = 512;\n"
	"  spurious_wakeups = 50; };\n"
	"keeper = { deadline = 1; };\n"
	"watch = { interval = 0.5; fd_leak = { above = 8; for = 2; }; cpu_spin = { share = 1; for = 3.5; };\n"
	"  stall = { after = 9; }; memory = { limit_mb = 512; }; };\n";

static void every_key_arrives_in_its_field(void **state)
{
	struct conf *c = read_good(every_key);

	(void)state;
	assert_int_equal(c->workers, 3);
	assert_string_equal(c->librarian_user, "10");
	assert_string_equal(c->state_directory, in_folder("state"));
	assert_false(c->sandbox);
	assert_string_equal(c->control.socket, in_folder("c.sock"));
	assert_string_equal(c->control.group, "");
	assert_string_equal(c->control.admins[1], "@wheel");
	assert_null(c->control.admins[2]);
	assert_string_equal(c->log.to, in_folder("logs/t.log"));
	assert_int_equal(c->log.format, CONF_LOG_JSON);
	assert_int_equal(c->log.level, LOG_LEVEL_ERROR);
	assert_false(c->log.connections);
	assert_int_equal(c->tls.minimum, CONF_TLS_1_3);
	assert_false(c->tls.tickets);
	assert_int_equal(c->tls.truncation, CONF_TRUNCATION_HALF_CLOSE);
	assert_string_equal(c->tls.priority, "NORMAL");
	assert_int_equal(c->limits.connections, 5000);
	assert_int_equal(c->limits.per_address, 20);
	assert_int_equal(c->limits.handshakes, 300);
	assert_int_equal(c->limits.descriptors, 2000);
	assert_int_equal(c->limits.spill_mb, 32);
	assert_int_equal(c->limits.spill_kb, 512);
	assert_int_equal(c->limits.spurious_wakeups, 50);
	assert_true(c->keeper.deadline > 0.99 && c->keeper.deadline < 1.01);
	assert_true(c->watch.interval > 0.49 && c->watch.interval < 0.51);
	assert_int_equal(c->watch.fd_leak.above, 8);
	assert_true(c->watch.fd_leak.for_s > 1.99 && c->watch.fd_leak.for_s < 2.01);
	assert_true(c->watch.cpu_spin.share > 0.99 && c->watch.cpu_spin.share < 1.01);
	assert_true(c->watch.cpu_spin.for_s > 3.49 && c->watch.cpu_spin.for_s < 3.51);
	assert_true(c->watch.stall.after > 8.99 && c->watch.stall.after < 9.01);
	assert_int_equal(c->watch.memory.limit_mb, 512);
	conf_free(c);
}

static void lists_arrive_in_their_structs(void **state)
{
	struct conf *c = read_good(every_key);

	(void)state;
	assert_int_equal(c->listeners_n, 2);
	assert_string_equal(c->listeners[0].name, "https");
	assert_string_equal(c->listeners[0].address, "0.0.0.0");
	assert_int_equal(c->listeners[0].port, 443);
	assert_string_equal(c->listeners[0].alpn[1], "http/1.1");
	assert_string_equal(c->listeners[0].default_certificate, "www.example.org");
	assert_int_equal(c->listeners[1].where.line, 8);
	assert_int_equal(c->backends_n, 1);
	assert_int_equal(c->backends[0].proxy_protocol, 2);
	assert_string_equal(c->backends[0].servers[3], "unix:/run/app.sock");
	assert_string_equal(c->backends[0].servers[4] + 5, in_folder("app.sock"));
	assert_null(c->backends[0].servers[5]);
	assert_int_equal(c->certificates_n, 3);
	assert_string_equal(c->certificates[0].chain, "/a.pem");
	assert_string_equal(c->certificates[0].key, in_folder("a.key"));
	assert_null(c->certificates[1].key);
	assert_string_equal(c->certificates[2].directory, in_folder("c"));
	conf_free(c);
}

static void a_listener_overrides_deadlines_one_by_one(void **state)
{
	struct conf *c = read_good(every_key);

	(void)state;
	assert_int_equal(c->deadlines.ms[DEADLINE_LINGER], 500);
	assert_int_equal(c->deadlines.ms[DEADLINE_IDLE], 0);
	assert_int_equal(c->deadlines.ms[DEADLINE_DRAIN], 7000);
	assert_int_equal(c->deadlines.ms[DEADLINE_PROGRESS], 0);
	assert_int_equal(c->listeners[0].deadlines.ms[DEADLINE_PROGRESS], 5000);
	assert_int_equal(c->listeners[1].deadlines.ms[DEADLINE_LIFETIME], 86400000);
	assert_int_equal(c->listeners[0].deadlines.ms[DEADLINE_IDLE], 600000);
	assert_int_equal(c->listeners[0].deadlines.ms[DEADLINE_HELLO], 2500);
	assert_int_equal(c->listeners[0].deadlines.ms[DEADLINE_CLOSED_WINDOW], 0);
	assert_int_equal(c->listeners[0].deadlines.ms[DEADLINE_HALF_CLOSE], 30000);
	assert_int_equal(c->listeners[1].deadlines.ms[DEADLINE_IDLE], 0);
	conf_free(c);
}

static void settings_of_scripts_are_encoded_for_them(void **state)
{
	static const uint8_t want[] = "b\x05greet\0\x04true" "n\x01n\0\x02-5" "n\x01" "f\0\x03" "0.5" "s\x01s\0\x03" "a b";
	struct conf *c;

	(void)state;
	c = read_good(BASE "policy = { scripts = \"p\"; budget_ms = 7;\n"
		"settings = { one = { greet = true; n = -5; f = 0.5; s = \"a b\"; }; two = { }; }; };\n");
	assert_string_equal(c->policy.scripts, in_folder("p"));
	assert_int_equal(c->policy.budget_ms, 7);
	assert_int_equal(c->policy.memory, 1048576);
	assert_int_equal(c->policy.settings_n, 2);
	assert_string_equal(c->policy.settings[0].name, "one");
	assert_int_equal(c->policy.settings[0].settings_size, sizeof want - 1);
	assert_memory_equal(c->policy.settings[0].settings, want, sizeof want - 1);
	assert_string_equal(c->policy.settings[1].name, "two");
	assert_int_equal(c->policy.settings[1].settings_size, 0);
	assert_string_equal(strrchr(c->policy.settings[0].place, '/'), "/t.conf:5: policy.settings.one");
	assert_string_equal(strrchr(c->policy.settings[0].places[3], '/'), "/t.conf:5: policy.settings.one.s");
	assert_null(c->policy.settings[0].places[4]);
	assert_null(c->policy.settings[1].places[0]);
	conf_free(c);
}

static void an_included_file_is_found_beside_and_named_in_errors(void **state)
{
	(void)state;
	assert_int_equal(mkdir(in_folder("sub"), 0700), 0);
	write_file("sub/lists.conf", "\n" BASE);
	write_file("sub/log.conf", "log = {\n  level = \"loud\"; };\nlimits = { connections = 4294967296; };\n");

	struct conf *c = read_good("@include \"sub/lists.conf\"\nworkers = 2;\n");
	assert_int_equal(c->listeners[0].where.line, 2);
	assert_string_equal(c->listeners[0].where.file, in_folder("sub/lists.conf"));
	assert_string_equal(c->files[1], in_folder("sub/lists.conf"));
	assert_string_equal(c->certificates[0].directory, in_folder("certs"));
	conf_free(c);

	assert_null(read_text(BASE "@include \"sub/log.conf\"\n"));
	assert_int_equal(said_n(), 2);
	assert_said("sub/log.conf", 2, "log.level|\"loud\"");
	assert_said("sub/log.conf", 3, "4294967296|too large");
	assert_refused(BASE "\n@include \"sub/none.conf\"\n", 5, "include|folder");
	write_file("sub/log.conf", "log = { \n;");
	assert_null(read_text("@include \"sub/log.conf\"\n"));
	assert_said("sub/log.conf", 2, "syntax");
}

static void a_relative_configuration_path_is_made_absolute(void **state)
{
	char old[512];

	(void)state;
	assert_non_null(getcwd(old, sizeof old));
	write_file("t.conf", BASE);
	assert_int_equal(chdir(in_folder(".")), 0);
	struct conf *c = read_file("t.conf");
	assert_non_null(c);
	assert_string_equal(c->path, in_folder("t.conf"));
	assert_string_equal(c->listeners[0].where.file, "t.conf");
	assert_string_equal(c->certificates[0].directory, in_folder("certs"));
	conf_free(c);
	assert_int_equal(chdir(old), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_file_gets_every_default),
		cmocka_unit_test(every_key_arrives_in_its_field),
		cmocka_unit_test(lists_arrive_in_their_structs),
		cmocka_unit_test(a_listener_overrides_deadlines_one_by_one),
		cmocka_unit_test(settings_of_scripts_are_encoded_for_them),
		cmocka_unit_test(an_included_file_is_found_beside_and_named_in_errors),
		cmocka_unit_test(a_relative_configuration_path_is_made_absolute),
	};
	return cmocka_run_group_tests_name("conf", tests, conf_fixture_setup, conf_fixture_teardown);
}
