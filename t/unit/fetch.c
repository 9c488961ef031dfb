/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/librarian/fetch.c and reach.c, against a server of its own on loopback. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/addr.h"
#include "common/ledger.h"
#include "workers/librarian/fetch.h"
#include "workers/librarian/reach.h"

#define TIMEOUT_MS 700		/* where it is to be reached */
#define PATIENCE_MS 20000	/* elsewhere: a busy machine is slow */

static pid_t server;
static unsigned port;

/* ---- the server ---- */

static void say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		_exit(0);
}

static void serve_big(int fd, int n)
{
	static char block[1000];

	memset(block, 'x', sizeof block);
	for (int i = 0; i < n; i++)
		if (write(fd, block, sizeof block) < 0)
			return;
}

static void trickle(int fd)
{
	say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n");
	for (;;) {
		say(fd, ".");
		usleep(50000);
	}
}

static void __attribute__((noreturn)) serve(int fd)
{
	char q[4096] = "", path[256] = "", text[1024];
	ssize_t n = read(fd, q, sizeof q - 1);

	if (n <= 0 || sscanf(q, "%*s %255s", path) != 1)
		_exit(0);
	if (strcmp(path, "/good") == 0)
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	else if (strcmp(path, "/close") == 0)
		say(fd, "HTTP/1.0 200 OK\r\n\r\nhello");
	else if (strcmp(path, "/post") == 0 && strncmp(q, "POST", 4) == 0 && strstr(q, "Content-Type: application/x-test\r\n") && strstr(q, "\r\n\r\nask"))
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nposted");
	else if (strcmp(path, "/large") == 0)
		say(fd, "HTTP/1.1 200 OK\r\n\r\n"), serve_big(fd, 100000);
	else if (strcmp(path, "/headers") == 0)
		say(fd, "HTTP/1.1 200 OK\r\nX: "), serve_big(fd, 10000);
	else if (strcmp(path, "/short") == 0)
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
	else if (strcmp(path, "/trickle") == 0)
		trickle(fd);
	else if (strcmp(path, "/garbage") == 0)
		say(fd, "\1\2\3 what is this\r\n\r\n");
	else if (strcmp(path, "/silent") == 0)
		sleep(60);
	else if (strcmp(path, "/to-good") == 0)
		say(fd, "HTTP/1.1 302 Found\r\nLocation: /good\r\nContent-Length: 3\r\n\r\nbye");
	else if (strcmp(path, "/loop") == 0)
		say(fd, "HTTP/1.1 301 Moved\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n");
	else if (strcmp(path, "/to-file") == 0)
		say(fd, "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n");
	else if (strcmp(path, "/to-private") == 0)
		snprintf(text, sizeof text, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u/good\r\nContent-Length: 0\r\n\r\n", port), say(fd, text);
	else
		say(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	_exit(0);
}

static int start_server(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	if (bind(l, (struct sockaddr *)&a, sizeof a) < 0 || listen(l, 64) < 0 || getsockname(l, (struct sockaddr *)&a, &n) < 0)
		return -1;
	port = ntohs(a.sin_port);
	server = fork();
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setpgid(0, 0);
		signal(SIGCHLD, SIG_IGN);
		for (;;) {
			int fd = accept(l, NULL, NULL);
			if (fork() == 0)
				serve(fd);
			close(fd);
		}
	}
	setpgid(server, server);
	close(l);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	kill(-server, SIGKILL);
	waitpid(server, NULL, 0);
	return 0;
}

/* ---- the client ---- */

static struct { int n; uint64_t ticket; char error[256]; char body[8192]; size_t size; } got;

static void on_done(void *data, uint64_t ticket, const struct fetch_answer *a)
{
	(void)data;
	got.n++;
	got.ticket = ticket;
	snprintf(got.error, sizeof got.error, "%s", a->error);
	got.size = a->size < sizeof got.body ? a->size : sizeof got.body - 1;
	if (got.size > 0)
		memcpy(got.body, a->body, got.size);
	got.body[got.size] = '\0';
}

static struct fetcher *new_within(uint32_t timeout_ms, bool private_addresses)
{
	struct fetcher *f = fetcher_new(&(struct fetch_limits){ .timeout_ms = timeout_ms, .size = 4096,
		.private_addresses = private_addresses });

	assert_non_null(f);
	got.n = 0;
	return f;
}

static struct fetcher *new(bool private_addresses)
{
	return new_within(PATIENCE_MS, private_addresses);
}

static void run_until(struct fetcher *f, int n)
{
	uint64_t end = ledger_now_ns() + 30000000000ull;

	while (got.n < n && ledger_now_ns() < end)
		fetch_poll(f, NULL, 0, 100);
	assert_int_equal(got.n, n);
}

/* The error, or "" and the body is in got. */
static const char *get_from(struct fetcher *f, const char *host, const char *path)
{
	char url[300];

	got.n = 0;
	snprintf(url, sizeof url, "http://%s:%u%s", host, port, path);
	assert_true(fetch(f, &(struct fetch_request){ .url = url, .done = on_done, .ticket = 77 }));
	run_until(f, 1);
	assert_int_equal(got.ticket, 77);
	return got.error;
}

static const char *get(struct fetcher *f, const char *path) { return get_from(f, "127.0.0.1", path); }

static void answers_come_with_their_body(void **state)
{
	struct fetcher *f = new(true);
	char url[64];

	(void)state;
	assert_string_equal(get(f, "/good"), "");
	assert_string_equal(got.body, "hello");
	assert_string_equal(get(f, "/close"), "");
	assert_string_equal(got.body, "hello");
	assert_string_equal(get(f, "/to-good"), "");
	assert_string_equal(got.body, "hello");
	assert_string_equal(get_from(f, "localhost", "/good"), "");
	assert_string_equal(got.body, "hello");
	snprintf(url, sizeof url, "http://127.0.0.1:%u/post", port);
	got.n = 0;
	assert_true(fetch(f, &(struct fetch_request){ .url = url, .done = on_done, .body = "ask", .body_size = 3, .type = "application/x-test" }));
	run_until(f, 1);
	assert_string_equal(got.body, "posted");
	fetcher_free(f);
}

static void what_cannot_be_used_is_an_error(void **state)
{
	static const struct { const char *path, *error; } cases[] = {
		{ "/nothing", "the answer is HTTP status 404" }, { "/large", "the answer has more than 4096 bytes" },
		{ "/loop", "it is redirected too often" }, { "/to-file", "it is no URL of HTTP" },
		{ "/short", "transfer closed with 95 bytes remaining to read" },
	};
	struct fetcher *f = new(true);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_string_equal(get(f, cases[i].path), cases[i].error);
	assert_string_not_equal(get(f, "/garbage"), "");
	assert_string_not_equal(get(f, "/headers"), "");
	assert_string_not_equal(get_from(f, "nowhere.invalid", "/good"), "");
	got.n = 0;
	assert_true(fetch(f, &(struct fetch_request){ .url = "ftp://127.0.0.1/x", .done = on_done }));
	assert_int_equal(got.n, 1);
	assert_string_equal(got.error, "it is no URL of HTTP");
	fetcher_free(f);
}

static void no_server_is_waited_for_beyond_the_deadline(void **state)
{
	struct fetcher *f = new_within(TIMEOUT_MS, true);
	uint64_t begun = ledger_now_ns();
	char url[64];

	(void)state;
	assert_string_equal(get(f, "/trickle"), "no whole answer within 700 ms");
	assert_true(ledger_now_ns() - begun >= (TIMEOUT_MS - 50) * 1000000ull);	/* it keeps time in milliseconds */
	snprintf(url, sizeof url, "http://127.0.0.1:%u/silent", port);
	got.n = 0;
	for (int i = 0; i < FETCH_AT_ONCE; i++)
		assert_true(fetch(f, &(struct fetch_request){ .url = url, .done = on_done }));
	assert_false(fetch_room(f));
	assert_false(fetch(f, &(struct fetch_request){ .url = url, .done = on_done }));
	run_until(f, FETCH_AT_ONCE);
	assert_true(fetch_room(f));
	fetcher_free(f);
}

static void what_is_near_is_not_reached_unless_allowed(void **state)
{
	struct fetcher *f = new(false);

	(void)state;
	assert_string_equal(get(f, "/good"), "it leads to an address that is not public (see aia.private_addresses)");
	assert_string_equal(get_from(f, "localhost", "/good"), "its name leads to no public address (see aia.private_addresses)");
	assert_string_equal(get_from(f, "[::ffff:127.0.0.1]", "/good"), "it leads to an address that is not public (see aia.private_addresses)");
	assert_string_equal(get_from(f, "2130706433", "/good"), "it leads to an address that is not public (see aia.private_addresses)");
	fetcher_free(f);
}

static void addresses_are_told_apart(void **state)
{
	static const char *const far[] = { "8.8.8.8", "100.63.0.1", "172.32.0.1", "223.255.255.1", "2606:4700::1", "2001:500::1", "::ffff:8.8.8.8" };
	static const char *const near[] = { "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.0.1", "169.254.169.254", "172.16.0.1",
		"172.31.255.255", "192.168.1.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1",
		"fd12::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "2001::1", "2001:db8::1", "::127.0.0.1" };
	struct addr a;

	(void)state;
	for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
		assert_int_equal(addr_from_ip(&a, far[i], 80), 0);
		if (!reach_is_public((struct sockaddr *)&a.ss))
			fail_msg("%s is public", far[i]);
	}
	for (size_t i = 0; i < sizeof near / sizeof near[0]; i++) {
		assert_int_equal(addr_from_ip(&a, near[i], 80), 0);
		if (reach_is_public((struct sockaddr *)&a.ss))
			fail_msg("%s is not public", near[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_come_with_their_body),
		cmocka_unit_test(what_cannot_be_used_is_an_error),
		cmocka_unit_test(no_server_is_waited_for_beyond_the_deadline),
		cmocka_unit_test(what_is_near_is_not_reached_unless_allowed),
		cmocka_unit_test(addresses_are_told_apart),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("fetch", tests, start_server, stop_server);
}
