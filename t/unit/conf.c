/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests supervisor/conf*.c: a case is the text of a file and what is said about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/conf.h"
#include "supervisor/conf_compare.h"
#include "supervisor/conf_table.h"

#define SAID_MAX 64

struct said {
	int n;
	char *text[SAID_MAX];
};

static char folder[] = "/tmp/tlsward-conf-XXXXXX";
static struct said said;

static void on_report(void *data, const char *text)
{
	struct said *s = data;

	assert_true(s->n < SAID_MAX);
	s->text[s->n++] = strdup(text);
}

static void forget(void)
{
	for (int i = 0; i < said.n; i++)
		free(said.text[i]);
	said.n = 0;
}

static const char *in_folder(const char *name)
{
	static char path[2][512];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
	return path[turn];
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(in_folder(name), "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* Three lines that are complete; what a case adds begins in line 4. */
#define LISTENER "listeners = ( { name = \"https\"; address = \"127.0.0.1\"; port = 8443; backend = \"app\"; } );\n"
#define BACKEND "backends = ( { name = \"app\"; servers = [ \"127.0.0.1:8080\" ]; } );\n"
#define CERTIFICATE "certificates = ( { directory = \"certs\"; } );\n"
#define BASE LISTENER BACKEND CERTIFICATE

static struct conf *read_text(const char *text)
{
	forget();
	write_file("t.conf", text);
	return conf_read(in_folder("t.conf"), on_report, &said);
}

static struct conf *read_good(const char *text)
{
	struct conf *c = read_text(text);

	for (int i = 0; i < said.n; i++)
		print_message("# said: %s\n", said.text[i]);
	assert_non_null(c);
	assert_int_equal(said.n, 0);
	return c;
}

/* One of the reports has file, line and all of words (with a "|" between). */
static void assert_said(const char *file, int line, const char *words)
{
	char where[600];

	snprintf(where, sizeof where, line ? "%s:%d: " : "%s: ", in_folder(file), line);
	for (int i = 0; i < said.n; i++) {
		char copy[256], *save = NULL;
		bool all = strncmp(said.text[i], where, strlen(where)) == 0;
		snprintf(copy, sizeof copy, "%s", words);
		for (char *w = strtok_r(copy, "|", &save); w; w = strtok_r(NULL, "|", &save))
			all = all && strstr(said.text[i] + strlen(where), w);
		if (all)
			return;
	}
	for (int i = 0; i < said.n; i++)
		print_message("# said: %s\n", said.text[i]);
	fail_msg("nobody said %s with %s", where, words);
}

static void assert_refused(const char *text, int line, const char *words)
{
	assert_null(read_text(text));
	assert_said("t.conf", line, words);
	if (said.n != 1)
		for (int i = 0; i < said.n; i++)
			print_message("# said: %s\n", said.text[i]);
	assert_int_equal(said.n, 1);
}

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
	assert_int_equal(said.n, 2);
	assert_said("sub/log.conf", 2, "log.level|\"loud\"");
	assert_said("sub/log.conf", 3, "4294967296|too large");
	assert_refused(BASE "\n@include \"sub/none.conf\"\n", 5, "include|folder");
	write_file("sub/log.conf", "log = { \n;");
	assert_null(read_text("@include \"sub/log.conf\"\n"));
	assert_said("sub/log.conf", 2, "syntax");
}

static void a_file_that_cannot_be_read_says_why(void **state)
{
	(void)state;
	forget();
	assert_null(conf_read(in_folder("none.conf"), on_report, &said));
	assert_said("none.conf", 0, "No such file");
	forget();
	assert_null(conf_read(folder, on_report, &said));
	assert_int_equal(said.n, 1);
	assert_non_null(strstr(said.text[0], "not a regular file"));
}

static void a_syntax_error_has_file_and_line(void **state)
{
	(void)state;
	assert_refused(BASE "\nlog = { level = ; };\n", 5, "syntax error");
	assert_refused(BASE "workers = 1;\nworkers = 2;\n", 5, "duplicate");
}

static void a_relative_configuration_path_is_made_absolute(void **state)
{
	char old[512];

	(void)state;
	assert_non_null(getcwd(old, sizeof old));
	write_file("t.conf", BASE);
	assert_int_equal(chdir(folder), 0);
	forget();
	struct conf *c = conf_read("t.conf", on_report, &said);
	assert_non_null(c);
	assert_string_equal(c->path, in_folder("t.conf"));
	assert_string_equal(c->listeners[0].where.file, "t.conf");
	assert_string_equal(c->certificates[0].directory, in_folder("certs"));
	conf_free(c);
	assert_int_equal(chdir(old), 0);
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
		assert_int_equal(said.n, 2);
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
	assert_int_equal(said.n, 13);
}

static void the_printed_example_is_a_good_file(void **state)
{
	int out = dup(STDOUT_FILENO);

	(void)state;
	fflush(stdout);
	assert_non_null(freopen(in_folder("example.conf"), "w", stdout));
	conf_print_example();
	fflush(stdout);
	assert_true(dup2(out, STDOUT_FILENO) >= 0);
	close(out);
	forget();
	struct conf *c = conf_read(in_folder("example.conf"), on_report, &said);
	for (int i = 0; i < said.n; i++)
		print_message("# said: %s\n", said.text[i]);
	assert_non_null(c);
	assert_int_equal(c->deadlines.ms[DEADLINE_IDLE], 300000);
	conf_free(c);
}

static void the_shipped_sample_is_a_good_file(void **state)
{
	const char *source = getenv("TLSWARD_SRC");
	char path[1024];

	(void)state;
	snprintf(path, sizeof path, "%s/etc/tlsward.conf", source ? source : ".");
	forget();
	struct conf *c = conf_read(path, on_report, &said);
	for (int i = 0; i < said.n; i++)
		print_message("# said: %s\n", said.text[i]);
	assert_non_null(c);
	conf_free(c);
}

/* The manual has an item for each row, written ".It Ic name" with the last part of its path. */
static char *manual_page(void)
{
	const char *source = getenv("TLSWARD_SRC");
	char path[1024], *page = NULL;
	size_t size = 0;

	snprintf(path, sizeof path, "%s/doc/tlsward.conf.5", source ? source : ".");
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	assert_true(getdelim(&page, &size, '\0', f) > 0);
	fclose(f);
	return page;
}

static void the_manual_page_knows_every_setting(void **state)
{
	char item[128], *page = manual_page();

	(void)state;
	for (size_t i = 0; i < conf_table_n; i++) {
		const char *dot = strrchr(conf_table[i].path, '.');
		snprintf(item, sizeof item, ".It Ic %s", dot ? dot + 1 : conf_table[i].path);
		if (!strstr(page, item))
			fail_msg("the manual page has no \"%s\"", item);
	}
	free(page);
}

/* What is not named there changes in place. */
static void the_manual_page_says_what_a_reload_can_change(void **state)
{
	char *page = manual_page(), *workers = strstr(page, ".It New workers\n"), *restart = strstr(page, ".It A restart\n");
	char word[128];

	(void)state;
	assert_non_null(workers);
	assert_non_null(restart);
	restart[-1] = strstr(restart, ".El\n")[0] = '\0';
	for (size_t i = 0; i < conf_table_n; i++) {
		const struct conf_setting *row = &conf_table[i];
		if (row->scope != CONF_ROOT || row->refused || row->type == CONF_GROUPS)
			continue;
		snprintf(word, sizeof word, " %s ", row->path);
		if ((strstr(workers, word) != NULL) != (row->effect == CONF_NEW_WORKERS) ||
		    (strstr(restart, word) != NULL) != (row->effect == CONF_RESTART))
			fail_msg("the manual page has %s in the wrong place", row->path);
	}
	free(page);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "t.conf", "example.conf", "sub/lists.conf", "sub/log.conf" };

	(void)state;
	forget();
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unlink(in_folder(names[i]));
	rmdir(in_folder("sub"));
	return rmdir(folder);
}

/* What changes from BASE to text, a line each: "path old new effect". */
static const char *changes_from(const char *before, const char *after)
{
	static char all[2048];
	struct conf *old = read_good(before), *new = read_good(after);
	struct conf_changes changes;
	size_t n = 0;

	assert_int_equal(conf_compare(old, new, &changes), 0);
	all[0] = '\0';
	for (int i = 0; i < changes.n; i++) {
		const struct conf_change *c = &changes.list[i];
		n += (size_t)snprintf(all + n, sizeof all - n, "%s: %s > %s, %s, line %u\n", c->path, c->old ? c->old : "-",
			c->new ? c->new : "-", conf_effect_name(c->effect), c->where.line);
	}
	conf_changes_clear(&changes);
	conf_free(old);
	conf_free(new);
	return all;
}

static void every_setting_says_what_a_reload_does_with_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_table_n; i++)
		if (conf_table[i].effect == CONF_UNSAID)
			fail_msg("%s has no effect", conf_table[i].path);
}

static void what_has_changed_is_told_by_path(void **state)
{
	(void)state;
	assert_string_equal(changes_from(BASE, "\n\n" BASE), "");
	assert_string_equal(changes_from(BASE, BASE "log = { level = \"debug\"; };\nworkers = 3;\nuser = \"x\";\n"),
		"workers: auto > 3, new workers, line 5\nuser: tlsward > x, restart, line 6\nlog.level: info > debug, in place, line 4\n");
	assert_string_equal(changes_from(BASE "user = \"x\";\n", BASE), "user: x > tlsward, restart, line 0\n");
	assert_string_equal(changes_from(BASE, BASE "watch = { cpu_spin = { share = 0.5; }; };\nchains = { sources = [ \"store\" ]; };\n"),
		"chains.sources: file, store, cache, aia > store, in place, line 5\nwatch.cpu_spin.share: 0.9 > 0.5, in place, line 4\n");
	assert_string_equal(changes_from(BASE, BASE "control = { admins = [ \"a\", \"@b\" ]; };\n"),
		"control.admins: root > a, @b, restart, line 4\n");
}

static void listeners_and_backends_are_compared_by_name(void **state)
{
#define TWO(first, second) "listeners = ( " first ", " second " );\n" BACKEND CERTIFICATE
#define HTTPS "{ name = \"https\"; address = \"127.0.0.1\"; port = 8443; backend = \"app\"; }"
#define OTHER "{ name = \"other\"; address = \"127.0.0.1\"; port = 8444; backend = \"app\"; timeouts = { idle = 3; }; }"
	(void)state;
	assert_string_equal(changes_from(TWO(HTTPS, OTHER), TWO(OTHER, HTTPS)), "");
	assert_string_equal(changes_from(BASE, TWO(OTHER, HTTPS)), "listeners.other: - > new, new workers, line 1\n");
	assert_string_equal(changes_from(TWO(OTHER, HTTPS), BASE), "listeners.other: there > -, new workers, line 0\n");
	assert_string_equal(changes_from(TWO(HTTPS, OTHER), TWO(HTTPS, OTHER) "timeouts = { idle = 9; };\n"),
		"timeouts.idle: 300 > 9, in place, line 4\n");
	assert_string_equal(changes_from(BASE, "listeners = ( { name = \"https\"; address = \"::1\"; port = 8443; backend = \"app\"; "
		"alpn = [ \"h2\" ]; default_certificate = \"a.example.org\"; timeouts = { idle = 5; }; } );\n" BACKEND CERTIFICATE),
		"listeners.https.address: 127.0.0.1 > ::1, new workers, line 1\n"
		"listeners.https.alpn:  > h2, in place, line 1\n"
		"listeners.https.default_certificate: - > a.example.org, in place, line 1\n"
		"listeners.https.timeouts.idle: 300 > 5, in place, line 1\n");
	assert_string_equal(changes_from(BASE, LISTENER "backends = ( { name = \"app\"; servers = [ \"127.0.0.1:81\", \"unix:/x\" ]; } );\n" CERTIFICATE),
		"backends.app.servers: 127.0.0.1:8080 > 127.0.0.1:81, unix:/x, in place, line 2\n");
}

static void lists_without_names_are_compared_whole(void **state)
{
#define SCRIPT(settings) BASE "policy = { scripts = \"p\"; settings = { " settings " }; };\n"
	(void)state;
	assert_string_equal(changes_from(BASE, LISTENER BACKEND "certificates = ( { directory = \"c\"; }, { directory = \"certs\"; } );\n"),
		"certificates: 1 entry > 2 entries, in place, line 3\n");
	assert_string_equal(changes_from(BASE, LISTENER BACKEND "certificates = ( { directory = \"c\"; } );\n"),
		"certificates: 1 entry > 1 entry, in place, line 3\n");
	assert_string_equal(changes_from(SCRIPT("a = { x = 1; };"), SCRIPT("a = { x = 1; };")), "");
	assert_string_equal(changes_from(SCRIPT("a = { x = 1; }; b = { };"), SCRIPT("a = { x = 2; }; c = { };")),
		"policy.settings.a: settings > other settings, in place, line 4\n"
		"policy.settings.c: - > settings, in place, line 4\n"
		"policy.settings.b: settings > -, in place, line 4\n");
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
		cmocka_unit_test(a_file_that_cannot_be_read_says_why),
		cmocka_unit_test(a_syntax_error_has_file_and_line),
		cmocka_unit_test(a_relative_configuration_path_is_made_absolute),
		cmocka_unit_test(each_error_is_said_once_with_file_and_line),
		cmocka_unit_test(listeners_are_checked_against_each_other_and_the_backends),
		cmocka_unit_test(alpn_is_bounded_as_gnutls_bounds_it),
		cmocka_unit_test(odd_servers_are_refused),
		cmocka_unit_test(a_socket_path_has_at_most_107_bytes),
		cmocka_unit_test(all_errors_of_a_file_are_said_at_once),
		cmocka_unit_test(the_printed_example_is_a_good_file),
		cmocka_unit_test(the_shipped_sample_is_a_good_file),
		cmocka_unit_test(the_manual_page_knows_every_setting),
		cmocka_unit_test(the_manual_page_says_what_a_reload_can_change),
		cmocka_unit_test(every_setting_says_what_a_reload_does_with_it),
		cmocka_unit_test(what_has_changed_is_told_by_path),
		cmocka_unit_test(listeners_and_backends_are_compared_by_name),
		cmocka_unit_test(lists_without_names_are_compared_whole),
	};
	return cmocka_run_group_tests_name("conf", tests, make_folder, remove_folder);
}
