/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests supervisor/operator.c, control_later.c, control_events.c and totals.c:
 * answers that come later, from a process that the test plays, and events.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "supervisor/control.h"
#include "supervisor/rpc.h"
#include "supervisor/totals.h"
#include "t/unit/control_fixture.h"

#define EVENTS 4000
#define ID_2 ((uint64_t)2 << 40 | 7)	/* a connection of worker 2 */

static int pairs[FIXTURE_WORKERS][2];
static struct channel played[FIXTURE_WORKERS];	/* what worker i + 1 holds */

/* In the server: the workers' channels are read as if they had processes. */
static void connect_workers(struct fixture *f)
{
	for (int i = 0; i < FIXTURE_WORKERS; i++) {
		struct child *w = &f->s.workers[i];
		channel_init(&w->channel, pairs[i][0]);
		ev_io_set(&w->reading, pairs[i][0], EV_READ);
		ev_io_set(&w->writing, pairs[i][0], EV_WRITE);
		ev_io_start(f->s.loop, &w->reading);
		close(pairs[i][1]);
	}
}

static void serve_with_workers(struct fixture *f)
{
	for (int i = 0; i < FIXTURE_WORKERS; i++)
		assert_int_equal(channel_pair(pairs[i]), 0);
	f->in_server = connect_workers;
	fixture_serve(f);
	for (int i = 0; i < FIXTURE_WORKERS; i++) {
		close(pairs[i][0]);
		channel_init(&played[i], pairs[i][1]);
	}
}

static void end_workers(void)
{
	for (int i = 0; i < FIXTURE_WORKERS; i++)
		channel_clear(&played[i]);
}

/* Sends close for a connection of worker 2 with that id; the message's id as the worker sees it. */
static uint32_t ask_close(int fd, int id)
{
	char line[256];
	const char *why;
	struct packet p;
	struct msg m;

	snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"close\",\"params\":{\"id\":%llu}}\n", id, (unsigned long long)ID_2);
	send_text(fd, line);
	assert_int_equal(channel_recv_wait(&played[1], &p, 5000), 0);
	assert_int_equal(msg_decode(&p, ROLE_SUPERVISOR, ROLE_WORKER, &m, &why), 0);
	assert_int_equal(m.type, MSG_CLOSE);
	assert_true(m.close.conn == ID_2);
	return m.id;
}

static void answer_close(int worker, uint32_t id, bool found)
{
	struct msg m = { .type = MSG_CLOSE_ANS, .id = id, .close_ans = { .conn = ID_2, .found = found } };

	assert_int_equal(msg_send(&played[worker - 1], &m, NULL, 0), 0);
}

static json_t *next(int fd)
{
	char *line = read_line(fd);

	assert_non_null(line);
	json_t *v = json_loads(line, 0, NULL);
	assert_true(json_is_object(v));
	free(line);
	return v;
}

static void assert_answer(int fd, int id, int code)
{
	json_t *v = next(fd), *error = json_object_get(v, "error");

	assert_int_equal(json_integer_value(json_object_get(v, "id")), id);
	assert_int_equal(json_integer_value(json_object_get(error, "code")), code);
	assert_int_equal(json_object_get(v, "result") != NULL, code == 0);
	json_decref(v);
}

static void an_answer_comes_when_the_process_has_given_it(void **state)
{
	struct fixture *f = *state;

	serve_with_workers(f);
	int fd = fixture_connect(f);
	uint32_t first = ask_close(fd, 11), second = ask_close(fd, 12);
	assert_int_not_equal(first, second);
	send_text(fd, "{\"jsonrpc\":\"2.0\",\"id\":13,\"method\":\"workers\"}\n");
	assert_answer(fd, 13, 0);
	answer_close(2, second, true);
	assert_answer(fd, 12, 0);
	answer_close(2, first, false);
	assert_answer(fd, 11, RPC_NOT_FOUND);
	close(fd);
	end_workers();
}

static void only_who_was_asked_can_answer_and_only_once(void **state)
{
	struct fixture *f = *state;

	serve_with_workers(f);
	int fd = fixture_connect(f);
	uint32_t id = ask_close(fd, 21);
	answer_close(1, id, false);
	answer_close(3, id, false);
	answer_close(2, id + 1, false);
	send_text(fd, "{\"jsonrpc\":\"2.0\",\"id\":22,\"method\":\"workers\"}\n");
	assert_answer(fd, 22, 0);
	answer_close(2, id, true);
	answer_close(2, id, false);
	assert_answer(fd, 21, 0);
	send_text(fd, "{\"jsonrpc\":\"2.0\",\"id\":23,\"method\":\"workers\"}\n");
	assert_answer(fd, 23, 0);
	close(fd);
	end_workers();
}

static void who_does_not_answer_is_given_up_after_the_deadline(void **state)
{
	struct fixture *f = *state;

	serve_with_workers(f);
	int fd = fixture_connect(f);
	uint64_t begin = ledger_now_ns();
	uint32_t id = ask_close(fd, 31);
	assert_answer(fd, 31, RPC_TIMED_OUT);
	assert_in_range((ledger_now_ns() - begin) / 1000000, 1900, 6000);
	answer_close(2, id, true);
	send_text(fd, "{\"jsonrpc\":\"2.0\",\"id\":32,\"method\":\"workers\"}\n");
	assert_answer(fd, 32, 0);
	close(fd);
	end_workers();
}

static void a_client_that_has_left_is_not_missed(void **state)
{
	struct fixture *f = *state;

	serve_with_workers(f);
	int fd = fixture_connect(f);
	uint32_t id = ask_close(fd, 41);
	close(fd);
	json_decref(ask(f, "workers", NULL));
	answer_close(2, id, true);
	json_decref(ask(f, "workers", NULL));
	end_workers();
}

static void one_that_sends_no_more_still_gets_its_answer(void **state)
{
	struct fixture *f = *state;

	serve_with_workers(f);
	int fd = fixture_connect(f);
	uint32_t id = ask_close(fd, 51);
	shutdown(fd, SHUT_WR);
	json_decref(ask(f, "workers", NULL));
	answer_close(2, id, true);
	assert_answer(fd, 51, 0);
	assert_null(read_line(fd));
	close(fd);
	end_workers();
}

static void a_client_waits_for_a_bounded_number_of_answers(void **state)
{
	struct fixture *f = *state;
	uint32_t ids[CONTROL_LATER_CLIENT];
	char line[256];

	serve_with_workers(f);
	int fd = fixture_connect(f);
	for (int i = 0; i < CONTROL_LATER_CLIENT; i++)
		ids[i] = ask_close(fd, 60 + i);
	snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":99,\"method\":\"close\",\"params\":{\"id\":%llu}}\n", (unsigned long long)ID_2);
	send_text(fd, line);
	assert_answer(fd, 99, RPC_TOO_MANY_CLIENTS);
	for (int i = 0; i < CONTROL_LATER_CLIENT; i++) {
		answer_close(2, ids[i], true);
		assert_answer(fd, 60 + i, 0);
	}
	close(fd);
	end_workers();
}

static void what_cannot_be_changed_is_an_error_that_says_why(void **state)
{
	struct fixture *f = *state;
	char text[512];

	f->s.workers[1].state = f->s.workers[2].state = CHILD_DRAINING;
	fixture_serve(f);
#define WRONG(method, params, code, part) do { \
	assert_int_equal(ask_wrong(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":{" params "}}", text), code); \
	if (!strstr(text, part)) \
		print_error("no \"%s\" in: %s\n", part, text); \
	assert_non_null(strstr(text, part)); } while (0)
	WRONG("drain", "", RPC_INVALID_PARAMS, "either");
	WRONG("drain", "\"worker\":1,\"all\":true", RPC_INVALID_PARAMS, "either");
	WRONG("drain", "\"worker\":9", RPC_NOT_FOUND, "no worker 9");
	WRONG("drain", "\"worker\":2", RPC_FAILED, "it is draining");
	WRONG("drain", "\"worker\":1", RPC_FAILED, "the last that takes connections");
	WRONG("replace", "\"worker\":9", RPC_NOT_FOUND, "no worker 9");
	WRONG("close", "\"id\":5", RPC_NOT_FOUND, "no connection 5");
	WRONG("close", "\"id\":2199023255559", RPC_NOT_FOUND, "no connection");
	WRONG("close", "\"id\":0", RPC_INVALID_PARAMS, "must be an integer from 1");
	WRONG("log-level", "\"level\":\"loud\"", RPC_INVALID_PARAMS, "one of debug");
	WRONG("hosts", "", RPC_FAILED, "no certificates yet");
	WRONG("host", "\"name\":\"a.example.org\"", RPC_FAILED, "no certificates yet");
}

static void sums_have_what_processes_before_have_counted(void **state)
{
	struct fixture *f = *state;

	ledger_set(&f->writers[0].head->counters[COUNT_ACCEPTED], 10);
	ledger_set(&f->writers[0].head->ends[END_REFUSED], 2);
	f->s.workers[0].before.counters[COUNT_ACCEPTED] = 100;
	f->s.workers[2].before.counters[COUNT_ACCEPTED] = 1000;
	f->s.workers[2].before.ends[END_REFUSED] = 5;
	fixture_serve(f);
	json_t *r = ask(f, "status", NULL);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(r, "counters"), "accepted")), 1110);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(r, "ends"), "refused")), 7);
	json_decref(r);
	r = ask(f, "worker", "{\"worker\":1}");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(r, "counters"), "accepted")), 10);
	json_decref(r);
}

static void totals_add_ledgers_up_by_server(void **state)
{
	struct fixture *f = *state;
	struct totals t = { .counters = { 0 } };
	struct ledger none = { .head = NULL };
	struct ledger_server sum = { .connects = 0 };
	char label[16];

	for (int i = 0; i < 2 * LEDGER_SERVERS; i++) {
		snprintf(label, sizeof label, "s%d", i % (LEDGER_SERVERS + 1));
		struct ledger_server *row = ledger_server(&f->writers[0], "app", label);
		assert_int_equal(row != NULL, i % (LEDGER_SERVERS + 1) < LEDGER_SERVERS);
		if (row)
			row->connects++;
	}
	ledger_server(&f->writers[0], "app", "s3")->rests_until_ns = 77;
	assert_ptr_equal(ledger_server(&f->writers[0], "app", "s0"), &f->writers[0].head->servers[0]);
	ledger_set(&f->writers[0].head->counters[COUNT_HELLOS], 4);
	totals_keep(&t, &f->writers[0]);
	totals_keep(&t, &f->writers[0]);
	totals_keep(&t, &none);
	assert_true(totals_counter(&t, &none, COUNT_HELLOS) == 8);
	assert_true(totals_counter(&t, &f->writers[0], COUNT_HELLOS) == 12);
	totals_server(&t, &f->writers[0], "app", "s3", &sum);
	assert_true(sum.connects == 6 && sum.failures == 0);
	assert_true(sum.rests_until_ns == 77);
	totals_server(&t, &f->writers[0], "other", "s3", &sum);
	assert_true(sum.connects == 6);
}

static void write_policy(struct ledger *l, int i, const char *name, uint64_t answered, uint64_t error_ns, const char *last_error)
{
	struct ledger_policy *p = &l->head->policies[i];

	*p = (struct ledger_policy){ .calls[ASKED_ROUTE][RESULT_ANSWERED] = answered, .error_ns = error_ns };
	snprintf(p->name, sizeof p->name, "%s", name);
	snprintf(p->last_error, sizeof p->last_error, "%s", last_error);
}

static void totals_add_scripts_up_by_their_files(void **state)
{
	struct fixture *f = *state;
	struct totals t = { .counters = { 0 } };
	struct ledger *l = &f->writers[0], none = { .head = NULL };
	struct ledger_policy sum = { .error_ns = 0 };

	write_policy(l, 0, "a.lua", 5, 70, "late");
	write_policy(l, 1, "b.lua", 2, 0, "");
	totals_keep(&t, l);
	write_policy(l, 0, "b.lua", 3, 0, "");
	write_policy(l, 1, "a.lua", 1, 60, "early");
	totals_policy(&t, l, "a.lua", &sum);
	assert_int_equal(sum.calls[ASKED_ROUTE][RESULT_ANSWERED], 6);
	assert_string_equal(sum.last_error, "late");
	totals_policy(&t, &none, "b.lua", &sum);
	assert_int_equal(sum.calls[ASKED_ROUTE][RESULT_ANSWERED], 8);
	assert_int_equal(sum.calls[ASKED_ALLOW][RESULT_ANSWERED], 0);
}

/* However often scripts get other names, no more are kept than a ledger has. */
static void totals_forget_scripts_that_are_gone(void **state)
{
	struct fixture *f = *state;
	struct totals t = { .counters = { 0 } };
	struct ledger *l = &f->writers[0];
	struct ledger_policy sum = { .error_ns = 0 };
	char name[16];

	for (int i = 0; i < LEDGER_POLICIES; i++)
		write_policy(l, i, i == 0 ? "stays.lua" : "", 1, 0, "");
	for (int round = 0; round < 40; round++) {
		snprintf(name, sizeof name, "%d.lua", round);
		write_policy(l, 1, name, 1, 0, "");
		totals_keep(&t, l);
	}
	memset(l->head->policies, 0, sizeof l->head->policies);
	totals_keep(&t, l);	/* it ended before it had a policy */
	totals_policy(&t, l, "stays.lua", &sum);
	assert_int_equal(sum.calls[ASKED_ROUTE][RESULT_ANSWERED], 40);
	totals_policy(&t, l, "39.lua", &sum);
	assert_int_equal(sum.calls[ASKED_ROUTE][RESULT_ANSWERED], 41);
	totals_policy(&t, l, "38.lua", &sum);
	assert_int_equal(sum.calls[ASKED_ROUTE][RESULT_ANSWERED], 41);
	assert_string_equal(t.policies[2].name, "");
}

/* In the server: an event of about 1 KB each millisecond. */
static void on_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
	static int n;
	struct fixture *f = w->data;
	char text[1000];

	(void)revents;
	memset(text, 'x', sizeof text);
	control_event(f->s.control, "tick", json_pack("{s:i, s:s%}", "n", n, "text", text, sizeof text));
	if (++n == EVENTS)
		ev_timer_stop(loop, w);
}

static void tick(struct fixture *f)
{
	static ev_timer timer;

	ev_timer_init(&timer, on_tick, .2, .0005);
	timer.data = f;
	ev_timer_start(f->s.loop, &timer);
}

static void events_that_are_not_read_are_lost_counted_and_told(void **state)
{
	struct fixture *f = *state;
	json_int_t got = 0, lost = 0, last = -1;

	f->in_server = tick;
	fixture_serve(f);
	int fd = fixture_connect(f), other = fixture_connect(f);
	send_text(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"events\"}\n");
	assert_answer(fd, 1, 0);
	/* Meanwhile another is served, and this one reads nothing. */
	for (int i = 0; i < 30; i++) {
		send_text(other, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"workers\"}\n");
		assert_answer(other, 2, 0);
		usleep(100000);
	}
	while (got + lost < EVENTS) {
		json_t *v = next(fd), *p = json_object_get(v, "params");
		if (strcmp(json_string_value(json_object_get(p, "event")), "events_lost") == 0) {
			lost += json_integer_value(json_object_get(p, "count"));
		} else {
			json_int_t n = json_integer_value(json_object_get(p, "n"));
			assert_true(n > last);
			last = n;
			got++;
		}
		json_decref(v);
	}
	assert_int_equal(got + lost, EVENTS);
	assert_true(lost > 0 && got > 0);
	json_t *m = ask(f, "metrics", NULL);
	char *text = json_dumps(m, JSON_COMPACT);
	char expected[64];
	snprintf(expected, sizeof expected, "\"samples\":[{\"labels\":{},\"value\":%lld}]", (long long)lost);
	char *family = strstr(text, "tlsward_events_lost_total");
	assert_non_null(family);
	assert_non_null(strstr(family, expected));
	free(text);
	json_decref(m);
	close(fd);
	close(other);
}

static void a_follower_that_hangs_up_makes_room(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f);
	for (int i = 0; i < 2 * CONTROL_CLIENTS_MAX; i++)
		json_decref(ask_for_room(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"events\"}\n"));
	json_decref(ask_for_room(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"workers\"}\n"));
}

#define test(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(an_answer_comes_when_the_process_has_given_it),
		test(only_who_was_asked_can_answer_and_only_once),
		test(who_does_not_answer_is_given_up_after_the_deadline),
		test(a_client_that_has_left_is_not_missed),
		test(one_that_sends_no_more_still_gets_its_answer),
		test(a_client_waits_for_a_bounded_number_of_answers),
		test(what_cannot_be_changed_is_an_error_that_says_why),
		test(sums_have_what_processes_before_have_counted),
		test(totals_add_ledgers_up_by_server),
		test(totals_add_scripts_up_by_their_files),
		test(totals_forget_scripts_that_are_gone),
		test(events_that_are_not_read_are_lost_counted_and_told),
		test(a_follower_that_hangs_up_makes_room),
	};
	return cmocka_run_group_tests_name("operator", tests, NULL, NULL);
}
