/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests how the program tlsward-worker takes and obeys policies: started as
 * the supervisor starts it, its filter on (off in a build with sanitizers),
 * asked by ClientHellos. It has no certificate: whom the policy lets in gets
 * handshake_failure, so the alert says what was decided.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/hostset_build.h"
#include "common/memfd.h"
#include "common/role.h"
#include "config.h"

#define WAIT_MS 30000	/* a busy machine is slow */
#define BUDGET_US 10000

enum { ALLOWED = 40, ACCESS_DENIED = 49, FAILED = 80, REFUSED = 112 };

static struct {
	pid_t pid;
	struct channel channel;
	struct ledger ledger;
	struct packet packet;
	uint16_t port;
	uint32_t generation;
} worker;

static void run(int channel)
{
	const char *build = getenv("TLSWARD_BUILD");
	char program[4096];

	snprintf(program, sizeof program, "%s/tlsward-worker", build ? build : ".");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int copy = fcntl(channel, F_DUPFD_CLOEXEC, 10);
	dup2(copy, ROLE_CHANNEL_FD);
	execl(program, program, (char *)NULL);
	_exit(127);
}

static void send_fd(const struct msg *m, int fd)
{
	struct pollfd p = { .fd = worker.channel.fd, .events = POLLOUT };

	assert_int_equal(msg_send(&worker.channel, m, &fd, fd >= 0 ? 1 : 0), 0);
	while (channel_pending(&worker.channel) > 0) {
		assert_true(poll(&p, 1, WAIT_MS) > 0);
		channel_flush(&worker.channel);
	}
	if (fd >= 0)
		close(fd);
}

static struct msg receive(enum msg_type type)
{
	struct msg m;
	const char *why = "";

	assert_int_equal(channel_recv_wait(&worker.channel, &worker.packet, WAIT_MS), 0);
	if (msg_decode(&worker.packet, ROLE_WORKER, ROLE_SUPERVISOR, &m, &why) < 0)
		fail_msg("%s", why);
	assert_string_equal(msg_name(m.type), msg_name(type));
	return m;
}

static void introduce(void)
{
	struct msg m = { .type = MSG_INTRO, .intro = { .version = MSG_VERSION, .role = ROLE_WORKER,
		.log_level = 4, .sandbox = 1 } };
	int fd;

#ifdef WITH_SANITIZERS
	m.intro.sandbox = 0;
#endif
	assert_int_equal(ledger_new(&worker.ledger, &fd, ROLE_WORKER, 0, 0, 64, 64), 0);
	send_fd(&m, fd);
	receive(MSG_INTRO_ANS);
}

static int listener(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof sin;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof sin), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &size), 0);
	worker.port = ntohs(sin.sin_port);
	return fd;
}

static void get_to_work(void)
{
	struct msg settings = { .type = MSG_SETTINGS, .settings = { .priority = "", .connections = 64,
		.spill_worker_kb = 1024, .spill_connection_kb = 64, .keeper_deadline_ms = 250 } };
	struct msg listen_on = { .type = MSG_LISTENER, .listener = { .name = "https", .backend = "app",
		.default_certificate = "" } };
	struct msg app = { .type = MSG_BACKEND, .backend = { .name = "app" } };
	struct msg begin = { .type = MSG_START };

	for (int i = 0; i < DEADLINE_COUNT; i++)
		listen_on.listener.deadlines.ms[i] = deadline_default_ms(i);
	send_fd(&settings, -1);
	send_fd(&listen_on, listener());
	send_fd(&app, -1);
	send_fd(&begin, -1);
	receive(MSG_READY);
}

static int begin_case(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(channel_pair(pair), 0);
	worker.pid = fork();
	assert_true(worker.pid >= 0);
	if (worker.pid == 0)
		run(pair[1]);
	close(pair[1]);
	channel_init(&worker.channel, pair[0]);
	introduce();
	get_to_work();
	return 0;
}

/* 0 if it ended by itself, in order, after its channel did. */
static int end_case(void **state)
{
	int status;

	(void)state;
	channel_clear(&worker.channel);
	assert_int_equal(waitpid(worker.pid, &status, 0), worker.pid);
	ledger_clear(&worker.ledger);
	return status;
}

/* ---- a client ---- */

static size_t put_hello(uint8_t *at, const char *name)
{
	static const uint8_t head[] = { 22, 3, 1, 0, 0, 1, 0, 0, 0, 3, 3 };
	static const uint8_t rest[] = { 0, 0, 2, 0x13, 0x01, 1, 0 };
	size_t n = strlen(name), p = sizeof head;

	memcpy(at, head, sizeof head);
	memset(at + p, 7, 32);
	p += 32;
	memcpy(at + p, rest, sizeof rest);
	p += sizeof rest;
	const uint8_t sni[] = { 0, (uint8_t)(n + 9), 0, 0, 0, (uint8_t)(n + 5), 0, (uint8_t)(n + 3), 0, 0, (uint8_t)n };
	memcpy(at + p, sni, sizeof sni);
	p += sizeof sni;
	memcpy(at + p, name, n);
	p += n;
	at[4] = (uint8_t)(p - 5);
	at[8] = (uint8_t)(p - 9);
	return p;
}

/* The alert that a client gets who asks for that name. */
static int ask(const char *name)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(worker.port) };
	uint8_t hello[256], alert[7] = { 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof sin), 0);
	size_t size = put_hello(hello, name);
	assert_int_equal(send(fd, hello, size, MSG_NOSIGNAL), (ssize_t)size);
	assert_true(poll(&p, 1, WAIT_MS) > 0);
	assert_int_equal(recv(fd, alert, sizeof alert, MSG_WAITALL), sizeof alert);
	assert_int_equal(alert[0], 21);
	close(fd);
	return alert[6];
}

/* ---- what is sent ---- */

static void announce(int scripts, int sets)
{
	struct msg m = { .type = MSG_POLICY, .policy = { .generation = ++worker.generation, .scripts_n = (uint16_t)scripts,
		.sets_n = (uint16_t)sets, .budget_us = BUDGET_US, .memory = 1 << 20 } };

	send_fd(&m, -1);
}

static void send_script(const char *path, const char *text)
{
	struct msg m = { .type = MSG_SCRIPT, .script = { .name = "x", .path = path } };
	int fd = memfd_new("script", 0);

	assert_int_equal(memfd_write(fd, 0, text, strlen(text)), 0);
	assert_int_equal(memfd_seal_all(fd), 0);
	send_fd(&m, fd);
}

static void send_set(const char *name, const char *text)
{
	struct msg m = { .type = MSG_SET, .set = { .name = name } };
	char err[100];
	uint32_t names;
	int fd;

	assert_int_equal(hostset_build(text, strlen(text), &fd, &names, err, sizeof err), 0);
	send_fd(&m, fd);
}

static void expect_answer(const char *error)
{
	struct msg m = receive(MSG_POLICY_ANS);

	assert_int_equal(m.policy_ans.generation, worker.generation);
	assert_string_equal(m.policy_ans.error, error);
}

#define FRONTDOOR \
	"local hosts = tlsward.hostset('hosts.txt')\n" \
	"return { name = 'frontdoor', api = 1, allow = function(hello)\n" \
	"while hello.sni == 'loop.example' do end\n" \
	"if hello.sni == 'pattern.example' then return (('a'):rep(255)):find((('.-'):rep(6) .. 'b')) end\n" \
	"if hello.sni == 'pcall.example' then while true do pcall(function() while true do end end) end end\n" \
	"if hello.sni == 'memory.example' then return ('x'):rep(1e9) end\n" \
	"if hello.sni == 'denied.example' then return false, 'access_denied' end\n" \
	"return hosts:contains(hello.sni) end }"

static void send_frontdoor(void)
{
	announce(1, 1);
	send_set("hosts.txt", "www.example.org\n");
	send_script("/etc/tlsward/policy.d/frontdoor.lua", FRONTDOOR);
	expect_answer("");
}

/* A set that is replaced is not answered. */
static void wait_for(int alert, const char *name)
{
	int got = 0;

	for (int i = 0; i < 500 && got != alert; i++) {
		got = ask(name);
		if (got != alert)
			usleep(10000);
	}
	assert_int_equal(got, alert);
}

/* ---- cases ---- */

static void without_a_policy_the_configuration_decides(void **state)
{
	(void)state;
	assert_int_equal(ask("www.example.org"), REFUSED);
}

static void a_script_decides_from_its_answer_on(void **state)
{
	(void)state;
	send_frontdoor();
	assert_int_equal(ask("www.example.org"), ALLOWED);
	assert_int_equal(ask("other.example.org"), REFUSED);
	assert_int_equal(ask("denied.example"), ACCESS_DENIED);
	assert_string_equal(worker.ledger.head->doing_script, "frontdoor.lua");
	assert_string_equal(worker.ledger.head->policies[0].name, "frontdoor.lua");
	assert_int_equal(worker.ledger.head->policies[0].calls[ASKED_ALLOW][RESULT_ANSWERED], 3);
}

static void a_set_is_replaced_under_a_script(void **state)
{
	(void)state;
	send_frontdoor();
	send_set("hosts.txt", "other.example.org\n");
	wait_for(REFUSED, "www.example.org");
	assert_int_equal(ask("other.example.org"), ALLOWED);
	send_set("unknown.txt", "www.example.org\n");
	assert_int_equal(ask("other.example.org"), ALLOWED);
}

static void a_set_that_is_none_changes_nothing(void **state)
{
	struct msg m = { .type = MSG_SET, .set = { .name = "hosts.txt" } };
	int fd = memfd_new("set", 4096);

	(void)state;
	send_frontdoor();
	memfd_seal_all(fd);
	send_fd(&m, fd);
	assert_int_equal(ask("www.example.org"), ALLOWED);
	announce(1, 1);
	fd = memfd_new("set", 4096);
	send_fd(&m, fd);
	send_script("/p/frontdoor.lua", FRONTDOOR);
	expect_answer("host set hosts.txt: Operation not permitted");
	assert_int_equal(ask("www.example.org"), ALLOWED);
}

static void a_policy_that_fails_leaves_the_one_before(void **state)
{
	(void)state;
	send_frontdoor();
	announce(2, 0);
	send_script("/p/a.lua", "return { name = 'a', api = 1, allow = function() return false end }");
	send_script("/p/b.lua", "\nreturn { name = 'b', api = 1, alow = function() end }");
	expect_answer("b.lua:2: there is no field 'alow'");
	assert_int_equal(ask("www.example.org"), ALLOWED);
	announce(1, 0);
	send_script("/p/frontdoor.lua", FRONTDOOR);
	expect_answer("frontdoor.lua: there is no host set \"hosts.txt\"");
	announce(1, 0);
	send_script("/p/loop.lua", "while true do end");
	expect_answer("loop.lua:1: has used its 100000 us");
	assert_int_equal(ask("www.example.org"), ALLOWED);
}

static void scripts_are_asked_in_order_and_none_is_the_configuration(void **state)
{
	(void)state;
	announce(2, 0);
	send_script("/p/a.lua", "return { name = 'a', api = 1, allow = function(h)\nif h.sni == 'a.example' then return true end end }");
	send_script("/p/b.lua", "return { name = 'b', api = 1, allow = function() return false, 'access_denied' end }");
	expect_answer("");
	assert_int_equal(ask("a.example"), ALLOWED);
	assert_int_equal(ask("b.example"), ACCESS_DENIED);
	announce(0, 0);
	expect_answer("");
	assert_int_equal(ask("a.example"), REFUSED);
	assert_string_equal(worker.ledger.head->policies[0].name, "");
}

static void no_script_stalls_or_ends_a_worker(void **state)
{
	static const char *const bad[] = { "loop.example", "pattern.example", "pcall.example", "memory.example" };
	const struct ledger_policy *counts = &worker.ledger.head->policies[0];
	struct timespec from, to;

	(void)state;
	send_frontdoor();
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int round = 0; round < 5; round++) {
		for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
			assert_int_equal(ask(bad[i]), FAILED);
			assert_int_equal(ask("www.example.org"), ALLOWED);
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	print_message("# 20 bad calls and 20 good ones in %ld ms\n",
		(to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000);
	assert_int_equal(counts->calls[ASKED_ALLOW][RESULT_OUT_OF_BUDGET], 15);
	assert_int_equal(counts->calls[ASKED_ALLOW][RESULT_OUT_OF_MEMORY], 5);
	assert_int_equal(counts->calls[ASKED_ALLOW][RESULT_ANSWERED], 20);
	assert_int_equal(worker.ledger.head->counters[COUNT_SESSIONS], 0);
	assert_int_equal(kill(worker.pid, 0), 0);
}

static void counts_go_on_over_a_reload(void **state)
{
	(void)state;
	send_frontdoor();
	assert_int_equal(ask("www.example.org"), ALLOWED);
	send_frontdoor();
	assert_int_equal(ask("www.example.org"), ALLOWED);
	assert_int_equal(worker.ledger.head->policies[0].calls[ASKED_ALLOW][RESULT_ANSWERED], 2);
}

static void a_script_that_was_not_announced_ends_the_conversation(void **state)
{
	struct pollfd p = { .fd = worker.channel.fd, .events = POLLIN };

	(void)state;
	send_script("/p/a.lua", "return { name = 'a', api = 1 }");
	assert_true(poll(&p, 1, WAIT_MS) > 0);
	assert_int_equal(channel_recv(&worker.channel, &worker.packet), -EPIPE);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin_case, end_case)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(without_a_policy_the_configuration_decides),
		CASE(a_script_decides_from_its_answer_on),
		CASE(a_set_is_replaced_under_a_script),
		CASE(a_set_that_is_none_changes_nothing),
		CASE(a_policy_that_fails_leaves_the_one_before),
		CASE(scripts_are_asked_in_order_and_none_is_the_configuration),
		CASE(no_script_stalls_or_ends_a_worker),
		CASE(counts_go_on_over_a_reload),
		CASE(a_script_that_was_not_announced_ends_the_conversation),
	};
	return cmocka_run_group_tests_name("worker_policy", tests, NULL, NULL);
}
