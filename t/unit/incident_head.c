/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests supervisor/incident_head.c: what a ledger tells of a process that is sick or has died. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/incident_head.h"
#include "t/unit/control_fixture.h"

static json_t *evidence(struct fixture *f)
{
	json_t *o = incident_head(&f->s, &f->s.workers[0], f->now_ns);

	assert_non_null(o);
	return o;
}

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void what_it_did_is_told_with_connection_and_script(void **state)
{
	struct fixture *f = *state;
	struct ledger_head *h = f->writers[0].head;

	fixture_conn(f, 1, 3, PHASE_HANDSHAKE, "192.0.2.7", "one.example", 5);
	ledger_doing(&f->writers[0], DOING_CLIENT, 3);
	strcpy(h->doing_script, "10-door.lua");
	h->doing_line = 17;
	json_t *o = evidence(f), *doing = json_object_get(o, "doing");
	assert_string_equal(text(o, "role"), "worker");
	assert_int_equal(number(o, "worker"), 1);
	assert_string_equal(text(doing, "what"), "client");
	assert_string_equal(text(json_object_get(doing, "connection"), "sni"), "one.example");
	assert_string_equal(text(json_object_get(doing, "script"), "file"), "10-door.lua");
	assert_int_equal(number(json_object_get(doing, "script"), "line"), 17);
	json_decref(o);
	h->doing_line = 0;
	ledger_doing(&f->writers[0], DOING_NOTHING, UINT32_MAX);
	o = evidence(f);
	doing = json_object_get(o, "doing");
	assert_true(json_is_null(json_object_get(doing, "script")));
	assert_true(json_is_null(json_object_get(doing, "connection")));
	json_decref(o);
}

static void a_torn_record_comes_first_and_is_marked(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < FIXTURE_CONNS; i++)
		fixture_conn(f, 1, i, PHASE_RELAY, "192.0.2.7", i % 2 ? "odd.example" : "even.example", 100 - i);
	ledger_conn_begin(&f->writers[0].conns[5]);
	f->s.workers[0].pid = 0;		/* it has died */
	json_t *o = evidence(f), *c = json_object_get(o, "connections"), *list = json_object_get(c, "list");
	assert_int_equal(number(c, "live"), FIXTURE_CONNS);
	assert_int_equal(number(c, "torn"), 1);
	assert_true(json_is_true(json_object_get(json_array_get(list, 0), "torn")));
	assert_int_equal(number(json_array_get(list, 0), "id") & 0xffffffff, 6);
	assert_int_equal(number(json_array_get(list, 1), "id") & 0xffffffff, 1);
	assert_null(json_object_get(json_array_get(list, 1), "torn"));
	json_decref(o);
	ledger_conn_end(&f->writers[0].conns[5]);
}

static void connections_are_counted_by_phase_age_and_name(void **state)
{
	struct fixture *f = *state;

	fixture_conn(f, 1, 0, PHASE_RELAY, "192.0.2.7", "one.example", 5);
	fixture_conn(f, 1, 1, PHASE_RELAY, "192.0.2.7", "two.example", 30);
	fixture_conn(f, 1, 2, PHASE_HELLO, "192.0.2.7", "", 0);
	fixture_conn(f, 1, 3, PHASE_RELAY, "192.0.2.7", "two.example", 90)->spurious = INCIDENT_HEAD_SPURIOUS + 5;
	fixture_conn(f, 1, 4, PHASE_NONE, "192.0.2.7", "gone.example", 90);
	f->writers[0].conns[1].spurious = INCIDENT_HEAD_SPURIOUS - 1;
	json_t *o = evidence(f), *c = json_object_get(o, "connections"), *relay = json_object_get(json_object_get(c, "by_phase"), "relay");
	assert_int_equal(number(c, "live"), 4);
	assert_int_equal(number(relay, "connections"), 3);
	assert_int_equal(number(relay, "below_10s"), 1);
	assert_int_equal(number(relay, "below_1min"), 1);
	assert_int_equal(number(relay, "older"), 1);
	assert_int_equal(number(json_object_get(json_object_get(c, "by_phase"), "hello"), "below_1s"), 1);
	json_t *name = json_array_get(json_object_get(c, "names"), 0);
	assert_string_equal(text(name, "sni"), "two.example");
	assert_int_equal(number(name, "connections"), 2);
	assert_int_equal(json_array_size(json_object_get(c, "names")), 3);
	json_t *restless = json_object_get(c, "restless");
	assert_int_equal(json_array_size(restless), 1);
	assert_int_equal(number(json_array_get(restless, 0), "spurious_wakeups"), INCIDENT_HEAD_SPURIOUS + 5);
	json_decref(o);
}

/* Whatever a mad process writes into its ledger, the evidence is well-formed and ends. */
static void a_mad_ledger_is_survived(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = &f->writers[0];

	memset(l->head->doing_script, 0xff, sizeof l->head->doing_script);
	l->head->doing_line = 9;
	l->head->doing = 12345;
	l->head->doing_conn = 2;
	l->head->conns_n = UINT32_MAX;
	memset(l->conns, 0xa5, FIXTURE_CONNS * sizeof l->conns[0]);
	json_t *o = evidence(f);
	char *all = json_dumps(o, 0);
	assert_non_null(all);
	json_t *again = json_loads(all, 0, NULL);
	assert_non_null(again);
	json_decref(again);
	free(all);
	assert_string_equal(text(json_object_get(o, "doing"), "what"), "invalid");
	assert_int_equal(number(json_object_get(o, "connections"), "torn"), FIXTURE_CONNS);
	json_decref(o);
	l->head->conns_n = FIXTURE_CONNS;
}

static void samples_are_thinned_and_the_last_stays(void **state)
{
	struct sample samples[601] = { { .at_ns = 0 } };

	(void)state;
	for (uint64_t i = 0; i < 601; i++)
		samples[i] = (struct sample){ .at_ns = (i + 1) * 1000000000, .fds = i, .heartbeat_ns = i * 1000000000 };
	json_t *list = incident_head_samples(samples, 601, 602000000000);
	size_t n = json_array_size(list);
	assert_true(n > INCIDENT_HEAD_SAMPLES / 2 && n <= INCIDENT_HEAD_SAMPLES);
	assert_int_equal(number(json_array_get(list, n - 1), "descriptors"), 600);
	assert_int_equal(number(json_array_get(list, n - 1), "ms_ago"), 1000);
	assert_int_equal(number(json_array_get(list, n - 1), "heartbeat_ms_ago"), 1000);
	json_decref(list);
	list = incident_head_samples(samples, 1, 602000000000);
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
	list = incident_head_samples(NULL, 0, 1);
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_it_did_is_told_with_connection_and_script, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_torn_record_comes_first_and_is_marked, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(connections_are_counted_by_phase_age_and_name, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_mad_ledger_is_survived, fixture_setup, fixture_teardown),
		cmocka_unit_test(samples_are_thinned_and_the_last_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
