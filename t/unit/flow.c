/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel says of real sockets, and how it is understood. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "workers/worker/flow.h"

#define SECOND_NS 1000000000ull

struct pair {
	int ours, theirs;
	struct flow flow;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static void connect_tcp(struct pair *p)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int listener = socket(AF_INET, SOCK_STREAM, 0), small = 4096;

	*p = (struct pair){ .theirs = socket(AF_INET, SOCK_STREAM, 0) };
	assert_return_code(bind(listener, (struct sockaddr *)&a, sizeof a), errno);
	assert_return_code(listen(listener, 1), errno);
	assert_return_code(getsockname(listener, (struct sockaddr *)&a, &len), errno);
	setsockopt(p->theirs, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	assert_return_code(connect(p->theirs, (struct sockaddr *)&a, sizeof a), errno);
	p->ours = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	assert_return_code(p->ours, errno);
	close(listener);
}

static void connect_unix(struct pair *p)
{
	int fds[2];

	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), errno);
	*p = (struct pair){ .ours = fds[0], .theirs = fds[1] };
}

static void disconnect(struct pair *p)
{
	close(p->ours);
	close(p->theirs);
}

static size_t fill(struct pair *p)
{
	static const char block[65536];
	size_t all = 0;
	ssize_t n;

	while ((n = send(p->ours, block, sizeof block, MSG_NOSIGNAL)) > 0)
		all += (size_t)n;
	flow_sent(&p->flow, now_ns());
	return all;
}

static void look(struct pair *p)
{
	flow_look(&p->flow, p->ours, 0, now_ns());
}

/* Until the flow waits or not, as wanted; ten seconds at most. */
static void look_until(struct pair *p, bool waits)
{
	for (int i = 0; i < 1000; i++) {
		look(p);
		if (p->flow.waits == waits)
			return;
		usleep(10000);
	}
	fail_msg("after ten seconds it still %s", waits ? "does not wait" : "waits");
}

static void what_was_taken_waits_no_more(void **state)
{
	struct pair p;

	(void)state;
	connect_tcp(&p);
	assert_false(p.flow.waits);
	assert_int_equal(send(p.ours, "line\n", 5, 0), 5);
	flow_sent(&p.flow, now_ns());
	assert_true(p.flow.waits && p.flow.asked);
	look_until(&p, false);
	assert_int_equal(p.flow.acked, 5);
	assert_true(p.flow.taken_ns > 0 && p.flow.taken_ns <= now_ns());
	assert_false(p.flow.seen || p.flow.unsent || p.flow.asked);
	disconnect(&p);
}

static void bytes_that_we_keep_wait(void **state)
{
	struct pair p;

	(void)state;
	connect_tcp(&p);
	flow_sent(&p.flow, now_ns());
	flow_look(&p.flow, p.ours, 1, now_ns());
	assert_true(p.flow.waits && p.flow.unsent);
	look(&p);
	assert_false(p.flow.waits);
	disconnect(&p);
}

static void a_closed_window_is_stuck_and_not_silent(void **state)
{
	struct pair p;
	uint64_t stuck;

	(void)state;
	connect_tcp(&p);
	fill(&p);
	usleep(300000);
	look(&p);
	assert_true(p.flow.waits && p.flow.unsent);
	stuck = p.flow.stuck_since_ns;
	/* Probes follow one another at growing distances, and are answered. */
	uint64_t heard = p.flow.silent_since_ns, end = now_ns() + 10 * SECOND_NS;
	while (p.flow.silent_since_ns < heard + SECOND_NS / 10 && now_ns() < end) {
		usleep(10000);
		look(&p);
		assert_true(p.flow.waits && p.flow.unsent);
	}
	assert_true(p.flow.silent_since_ns >= heard + SECOND_NS / 10);
	assert_int_equal(p.flow.stuck_since_ns, stuck);
	disconnect(&p);
}

static void a_reader_that_reads_is_not_stuck(void **state)
{
	struct pair p;
	char data[65536];
	size_t left;
	ssize_t n;

	(void)state;
	connect_tcp(&p);
	left = fill(&p);
	usleep(300000);
	look(&p);
	uint64_t stuck = p.flow.stuck_since_ns, acked = p.flow.acked;
	while (left > 0 && (n = recv(p.theirs, data, sizeof data, 0)) > 0)
		left -= (size_t)n;
	look_until(&p, false);
	assert_true(p.flow.acked > acked && p.flow.stuck_since_ns > stuck);
	disconnect(&p);
}

static void a_unix_socket_waits_and_is_taken(void **state)
{
	struct pair p;
	char data[65536];
	uint64_t stuck;

	(void)state;
	connect_unix(&p);
	fill(&p);
	look(&p);
	assert_true(p.flow.waits);
	stuck = p.flow.stuck_since_ns;
	look(&p);
	assert_int_equal(p.flow.stuck_since_ns, stuck);
	while (recv(p.theirs, data, sizeof data, 0) > 0)
		continue;
	look(&p);
	assert_false(p.flow.waits);
	disconnect(&p);
}

static unsigned user_timeout(int fd)
{
	unsigned ms = 1;
	socklen_t len = sizeof ms;

	assert_return_code(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, &len), errno);
	return ms;
}

static void the_net_is_there_while_bytes_wait(void **state)
{
	const struct deadlines d = { .ms = { [DEADLINE_PROGRESS] = 2000, [DEADLINE_CLOSED_WINDOW] = 7000 } }, none = { 0 };
	struct pair p;
	char data[65536];

	(void)state;
	connect_tcp(&p);
	size_t left = fill(&p);
	look(&p);
	flow_net(&p.flow, p.ours, &d);
	assert_int_equal(user_timeout(p.ours), 12000);
	while (left > 0)
		left -= (size_t)recv(p.theirs, data, sizeof data, 0);
	look_until(&p, false);
	flow_net(&p.flow, p.ours, &d);
	assert_int_equal(user_timeout(p.ours), 0);
	p.flow.seen = true;
	flow_net(&p.flow, p.ours, &none);
	assert_int_equal(user_timeout(p.ours), 0);
	disconnect(&p);
}

static void looks_come_ten_times_in_the_shorter_deadline(void **state)
{
	struct deadlines d = { .ms = { [DEADLINE_PROGRESS] = 30000, [DEADLINE_CLOSED_WINDOW] = 300000 } };

	(void)state;
	assert_int_equal(flow_interval_ns(&d), 3 * SECOND_NS);
	d.ms[DEADLINE_CLOSED_WINDOW] = 20000;
	assert_int_equal(flow_interval_ns(&d), 2 * SECOND_NS);
	d.ms[DEADLINE_PROGRESS] = 0;
	assert_int_equal(flow_interval_ns(&d), 2 * SECOND_NS);
	d.ms[DEADLINE_CLOSED_WINDOW] = 100;
	assert_int_equal(flow_interval_ns(&d), SECOND_NS / 20);
	d.ms[DEADLINE_CLOSED_WINDOW] = 0;
	assert_int_equal(flow_interval_ns(&d), 0);
}

static void a_timeout_stands_for_a_deadline_only_if_bytes_waited(void **state)
{
	const struct deadlines d = { .ms = { [DEADLINE_PROGRESS] = 2000, [DEADLINE_CLOSED_WINDOW] = 7000 } };
	const struct deadlines progress = { .ms = { [DEADLINE_PROGRESS] = 2000 } }, none = { 0 };
	struct pair p;

	(void)state;
	connect_tcp(&p);
	assert_int_equal(flow_timed_out(p.ours, 0, &d), DEADLINE_COUNT);
	assert_int_equal(flow_timed_out(p.ours, 1, &d), DEADLINE_CLOSED_WINDOW);
	assert_int_equal(flow_timed_out(p.ours, 1, &progress), DEADLINE_PROGRESS);
	assert_int_equal(flow_timed_out(p.ours, 1, &none), DEADLINE_COUNT);
	disconnect(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_taken_waits_no_more),
		cmocka_unit_test(bytes_that_we_keep_wait),
		cmocka_unit_test(a_closed_window_is_stuck_and_not_silent),
		cmocka_unit_test(a_reader_that_reads_is_not_stuck),
		cmocka_unit_test(a_unix_socket_waits_and_is_taken),
		cmocka_unit_test(the_net_is_there_while_bytes_wait),
		cmocka_unit_test(looks_come_ten_times_in_the_shorter_deadline),
		cmocka_unit_test(a_timeout_stands_for_a_deadline_only_if_bytes_waited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
