/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs the built tlswardctl against a served fixture, and compares its manual page with the tables it describes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/ends.h"
#include "t/unit/control_fixture.h"

#define OUTPUT_MAX (4u << 20)

static char output[OUTPUT_MAX];

static const char *directory(const char *variable, const char *otherwise)
{
	const char *dir = getenv(variable);

	return dir ? dir : otherwise;
}

/* Reads all of it into output; returns the exit status. */
static int collect(FILE *from)
{
	size_t n = fread(output, 1, sizeof output - 1, from);

	output[n] = '\0';
	int status = pclose(from);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Runs it with those arguments (shell syntax); what it printed is in output. */
static int run(const struct fixture *f, const char *args)
{
	char command[1024];

	fflush(NULL);
	snprintf(command, sizeof command, "LC_ALL=C.UTF-8 TLSWARD_SOCKET=%s %s/tlswardctl %s 2>&1", f->path,
		directory("TLSWARD_BUILD", "."), args);
	return collect(popen(command, "r"));
}

static void assert_prints(const char *text)
{
	if (!strstr(output, text))
		print_error("no \"%s\" in:\n%s\n", text, output);
	assert_non_null(strstr(output, text));
}

static json_t *printed_json(void)
{
	json_t *v = json_loads(output, 0, NULL);

	assert_true(json_is_object(v));
	return v;
}

static void fill(struct fixture *f)
{
	struct ledger_conn *c = fixture_conn(f, 1, 0, PHASE_RELAY, "192.0.2.1", "a.example.org", 200);

	strcpy(c->backend, "app");
	c->bytes_down = 3 << 20;
	fixture_conn(f, 1, 1, PHASE_HELLO, "192.0.2.2", "\x1b[2Jb.example.org", 3);
	fixture_end(f, 2, fixture_conn(f, 2, 7, PHASE_RELAY, "192.0.2.3", "c.example.org", 70), END_IDLE_DEADLINE);
	ledger_set(&f->writers[0].head->gauges[GAUGE_CONNS], 2);
	ledger_set(&f->writers[0].head->counters[COUNT_BYTES_DOWN], 3 << 20);
	ledger_set(&f->writers[0].head->counters[COUNT_HANDSHAKES_FULL], 1234567);
	f->s.workers[2].deaths = 1;
	strcpy(f->s.workers[2].last_death, "killed by signal 11 (Segmentation fault)");
	strcpy(f->s.keeper.missing, "seccomp: off");
	fixture_serve(f);
}

static void status_is_a_page(void **state)
{
	fill(*state);
	assert_int_equal(run(*state, "status"), 0);
	assert_prints("state            ready");
	assert_prints("connections      hello 1 relay 1");
	assert_prints("PROCESS");
	assert_prints("keeper: protections missing: seccomp: off");
	assert_prints("idle_deadline      1");
	assert_prints("3.0M");
}

static void workers_are_a_table(void **state)
{
	fill(*state);
	assert_int_equal(run(*state, "workers"), 0);
	assert_prints("RESUMED");
	assert_prints("1.2M");
	assert_prints("3.0M");
	assert_prints("worker 3 died 1 time, the last time: killed by signal 11 (Segmentation fault)");
	assert_int_equal(run(*state, "worker 1"), 0);
	assert_prints("worker           1");
	assert_prints("handshakes_full");
}

static void connections_are_a_table_safe_for_a_terminal(void **state)
{
	fill(*state);
	assert_int_equal(run(*state, "connections"), 0);
	assert_prints("1099511627777  relay");
	assert_prints("3m2");
	assert_prints("192.0.2.1:40000");
	assert_prints("\\x1b[2Jb.example.org");
	assert_null(strchr(output, '\x1b'));
	assert_null(strstr(output, "c.example.org"));
	assert_int_equal(run(*state, "connections --phase relay --sni '*.example.org' --peer 192.0.2.0/24 --backend app --older 100 --worker 1"), 0);
	assert_prints("a.example.org");
	assert_null(strstr(output, "b.example.org"));
	assert_int_equal(run(*state, "connections --end idle_deadline"), 0);
	assert_prints("idle_deadline");
	assert_prints("1m10s");
	assert_prints("c.example.org");
	assert_int_equal(run(*state, "connections --ended --listener imaps"), 0);
	assert_null(strstr(output, "c.example.org"));
}

static void json_is_the_answer_as_it_came(void **state)
{
	fill(*state);
	assert_int_equal(run(*state, "--json status"), 0);
	json_t *v = printed_json();
	assert_int_equal(json_integer_value(json_object_get(json_object_get(v, "counters"), "handshakes_full")), 1234567);
	json_decref(v);
	assert_int_equal(run(*state, "connections --json --sni a.example.org"), 0);
	v = printed_json();
	assert_int_equal(json_array_size(json_object_get(v, "connections")), 1);
	assert_null(json_object_get(v, "next"));
	json_decref(v);
	assert_int_equal(run(*state, "help --json"), 0);
	v = printed_json();
	assert_true(json_array_size(json_object_get(v, "methods")) >= 5);
	json_decref(v);
}

static size_t lines(void)
{
	size_t n = 0;

	for (const char *p = output; (p = strchr(p, '\n')); p++)
		n++;
	return n;
}

static void connections_go_on_over_pages_up_to_the_limit(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 1200; i++)
		fixture_conn(f, 1 + (int)i % 2, i / 2, PHASE_RELAY, "192.0.2.1", "a.example.org", 1);
	fixture_serve(f);
	assert_int_equal(run(f, "connections"), 0);
	assert_int_equal(lines(), 1 + 100 + 1);
	assert_prints("these are the first 100");
	assert_int_equal(run(f, "connections --limit 1100"), 0);
	assert_int_equal(lines(), 1 + 1100 + 1);
	assert_int_equal(run(f, "connections --limit 5000"), 0);
	assert_int_equal(lines(), 1 + 1200);
	assert_int_equal(run(f, "connections --limit 5000 --json"), 0);
	json_t *v = printed_json();
	assert_int_equal(json_array_size(json_object_get(v, "connections")), 1200);
	json_decref(v);
}

/* Runs it on a terminal of 80 columns; no line is longer. */
static void run_on_terminal(const struct fixture *f, const char *args)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	char command[512];
	size_t used = 0;
	ssize_t n;
	int fd, status;

	fflush(NULL);
	snprintf(command, sizeof command, "exec %s/tlswardctl -s %s %s", directory("TLSWARD_BUILD", "."), f->path, args);
	pid_t pid = forkpty(&fd, NULL, NULL, &size);
	if (pid == 0) {
		setenv("LC_ALL", "C.UTF-8", 1);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	while ((n = read(fd, output + used, sizeof output - 1 - used)) > 0)
		used += (size_t)n;
	output[used] = '\0';
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (char *p = output, *end; (end = strpbrk(p, "\r\n")); p = end + 1) {
		size_t columns = 0;
		for (; p < end; p++)
			columns += ((unsigned char)*p & 0xc0) != 0x80;
		assert_true(columns <= 80);
	}
}

static void a_terminal_gets_lines_that_fit_a_pipe_gets_all(void **state)
{
	struct fixture *f = *state;
	char name[] = "a-name-that-is-much-longer-than-any-terminal-would-like-it-to-be.and-goes-on-and-on.example.org";

	strcpy(fixture_conn(f, 1, 0, PHASE_RELAY, "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", name, 1)->backend, "app");
	fixture_serve(f);
	assert_int_equal(run(f, "connections"), 0);
	assert_prints(name);
	assert_prints("[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:40000");
	run_on_terminal(f, "connections");
	assert_prints("\xe2\x80\xa6");
	assert_null(strstr(output, name));
	run_on_terminal(f, "help");
	run_on_terminal(f, "top --once --interval 0.1");
	run_on_terminal(f, "incidents");
}

/* The reason of an end is not cut; what matters less is left out. */
static void a_narrow_table_leaves_out_what_matters_least(void **state)
{
	struct fixture *f = *state;
	struct ledger_conn *c = fixture_conn(f, 1, 0, PHASE_RELAY, "192.0.2.200", "www.some-name.example.org", 1);

	strcpy(c->backend, "application");
	fixture_end(f, 1, c, END_CLOSED_WINDOW_DEADLINE);
	fixture_serve(f);
	assert_int_equal(run(f, "connections --ended"), 0);
	assert_prints("application");
	assert_prints("DOWN\n");
	run_on_terminal(f, "connections --ended");
	assert_prints("closed_window_deadline");
	assert_prints("192.0.2.200:4");
	assert_null(strstr(output, "DOWN"));
	assert_null(strstr(output, "application"));
}

static void errors_of_the_server_are_exit_1(void **state)
{
	fill(*state);
	assert_int_equal(run(*state, "worker 9"), 1);
	assert_prints("tlswardctl: there is no worker 9; they are numbered from 1 to 3");
	assert_int_equal(run(*state, "connections --phase dance"), 1);
	assert_prints("it is one of hello");
	assert_int_equal(run(*state, "connections --worker 99"), 1);
	assert_prints("worker: must be an integer from 1 to 64");
}

static void wrong_usage_is_exit_2(void **state)
{
	static const struct { const char *args, *says; } cases[] = {
		{ "", "usage:" },
		{ "dance", "tlswardctl: there is no command \"dance\"" },
		{ "help dance", "there is no command \"dance\"" },
		{ "help status worker", "help takes at most one argument: help [COMMAND]" },
		{ "hosts --expiring soon", "--expiring: DAYS must be a number, 0 or more" },
		{ "--dance status", "unrecognized option" },
		{ "status --phase relay", "unrecognized option" },
		{ "status now", "no other arguments" },
		{ "worker", "worker takes one argument: worker N" },
		{ "worker two", "is the number of a worker" },
		{ "connections --limit 1x", "--limit: N must be an integer" },
		{ "connections --limit 0", "--limit: must be 1 or more" },
		{ "connections --older -1", "--older: SECONDS must be a number" },
		{ "connections --older nan", "--older: SECONDS must be a number" },
		{ "connections --sni \"$(printf '\\377')\"", "--sni: must be UTF-8" },
		{ "connections --sni", "requires an argument" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(run(*state, cases[i].args), 2);
		assert_prints(cases[i].says);
	}
}

static void an_unreachable_server_is_exit_3(void **state)
{
	struct fixture *f = *state;
	char args[256];
	struct addr a;

	assert_int_equal(run(f, "status"), 3);
	assert_prints("is tlsward running?");
	assert_prints("-s or in TLSWARD_SOCKET");
	/* A socket that nobody listens on, in the fixture's directory. */
	snprintf(args, sizeof args, "%s/dead", f->dir);
	assert_int_equal(addr_from_path(&a, args), 0);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&a.ss, a.len), 0);
	close(fd);
	snprintf(args, sizeof args, "-s %s/dead status", f->dir);
	assert_int_equal(run(f, args), 3);
	assert_prints("nobody answers");
	assert_int_equal(run(f, "-s /dev/null status"), 3);
	assert_prints("/dev/null is no socket");
	snprintf(args, sizeof args, "%s/dead", f->dir);
	unlink(args);
}

static void a_server_that_stands_still_is_not_waited_for(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f);
	json_decref(ask(f, "status", NULL));
	kill(f->server, SIGSTOP);
	int rc = run(f, "status");
	kill(f->server, SIGCONT);
	assert_int_equal(rc, 3);
	assert_prints("did not answer within 10 s");
}

static void help_needs_no_server(void **state)
{
	assert_int_equal(run(*state, "help"), 0);
	assert_prints("--older SECONDS");
	assert_prints("Exit status: 0 done");
	assert_int_equal(run(*state, "help hosts"), 0);
	assert_prints("--expiring DAYS");
	assert_null(strstr(output, "--older"));
	assert_int_equal(run(*state, "hosts --help"), 0);
	assert_prints("--expiring DAYS");
	assert_int_equal(run(*state, "--help"), 0);
	assert_int_equal(run(*state, "-V"), 0);
	assert_prints("tlswardctl ");
}

static void read_manual(void)
{
	char path[1024];

	snprintf(path, sizeof path, "%s/doc/tlswardctl.1", directory("TLSWARD_SRC", "."));
	FILE *page = fopen(path, "r");
	assert_non_null(page);
	size_t n = fread(output, 1, sizeof output - 1, page);
	output[n] = '\0';
	fclose(page);
	/* Where its lines end does not matter. */
	for (char *p = output; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
}

static void the_manual_explains_every_end_reason(void **state)
{
	char entry[512];

	(void)state;
	read_manual();
	for (int e = END_NONE + 1; e < END_COUNT; e++) {
		snprintf(entry, sizeof entry, ".It Cm %s %s .", end_name(e), end_text(e));
		assert_prints(entry);
	}
}

static void the_manual_explains_every_phase_and_number(void **state)
{
	char entry[512];

	(void)state;
	read_manual();
	for (int p = PHASE_NONE + 1; p < PHASE_COUNT; p++) {
		snprintf(entry, sizeof entry, ".It Cm %s ", phase_name(p));
		assert_prints(entry);
	}
	for (int c = 0; c < COUNT_COUNT; c++) {
		snprintf(entry, sizeof entry, ".It Cm %s %s .", counter_name(c), counter_help(c));
		assert_prints(entry);
	}
	for (int g = 0; g < GAUGE_COUNT; g++) {
		snprintf(entry, sizeof entry, ".It Cm %s %s .", gauge_name(g), gauge_help(g));
		assert_prints(entry);
	}
}

#define test(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(status_is_a_page),
		test(workers_are_a_table),
		test(connections_are_a_table_safe_for_a_terminal),
		test(json_is_the_answer_as_it_came),
		test(connections_go_on_over_pages_up_to_the_limit),
		test(a_terminal_gets_lines_that_fit_a_pipe_gets_all),
		test(a_narrow_table_leaves_out_what_matters_least),
		test(errors_of_the_server_are_exit_1),
		test(wrong_usage_is_exit_2),
		test(an_unreachable_server_is_exit_3),
		test(a_server_that_stands_still_is_not_waited_for),
		test(help_needs_no_server),
		cmocka_unit_test(the_manual_explains_every_end_reason),
		cmocka_unit_test(the_manual_explains_every_phase_and_number),
	};
	return cmocka_run_group_tests_name("tlswardctl", tests, NULL, NULL);
}
