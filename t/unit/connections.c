/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests supervisor/connections.c and view_conn.c over a real socket: filters, pages, and records of writers that went mad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/rpc.h"
#include "t/unit/control_fixture.h"

/* The connections' ids without the worker's part, in order: "1 5 7". */
static void ids_of(const json_t *r, char *text, size_t size)
{
	size_t i;
	json_t *c;

	text[0] = '\0';
	json_array_foreach(json_object_get(r, "connections"), i, c) {
		size_t n = strlen(text);
		snprintf(text + n, size - n, "%s%lld", n ? " " : "", (long long)(number(c, "id") & 0xffffffffff));
	}
}

static void assert_selects(const struct fixture *f, const char *params, const char *expected)
{
	char ids[256];
	json_t *r = ask(f, "connections", params);

	ids_of(r, ids, sizeof ids);
	if (strcmp(ids, expected) != 0)
		print_error("connections %s\n", params);
	assert_string_equal(ids, expected);
	json_decref(r);
}

static void connections_are_filtered(void **state)
{
	static const struct { const char *params, *ids; } cases[] = {
		{ "{}", "1 2 3 4 5 6" },
		{ "{\"phase\":\"relay\"}", "1 3" },
		{ "{\"phase\":\"hello\"}", "2" },
		{ "{\"sni\":\"a.example.org\"}", "1 5" },
		{ "{\"sni\":\"A.Example.ORG\"}", "1 5" },
		{ "{\"sni\":\"*.example.org\"}", "1 3 5" },
		{ "{\"sni\":\"*.org\"}", "1 3 5" },
		{ "{\"sni\":\"\"}", "2 6" },
		{ "{\"sni\":\"*\"}", "" },
		{ "{\"peer\":\"192.0.2.1\"}", "1" },
		{ "{\"peer\":\"192.0.2.0/24\"}", "1 2 3" },
		{ "{\"peer\":\"192.0.2.2/31\"}", "2 3" },
		{ "{\"peer\":\"0.0.0.0/0\"}", "1 2 3 4" },
		{ "{\"peer\":\"::/0\"}", "1 2 3 4 5 6" },
		{ "{\"peer\":\"2001:db8::/32\"}", "5 6" },
		{ "{\"peer\":\"2001:db8::5\"}", "5" },
		{ "{\"listener\":\"imaps\"}", "4" },
		{ "{\"backend\":\"app\"}", "3 5" },
		{ "{\"older\":50}", "4 5" },
		{ "{\"older\":50.5,\"phase\":\"closing\"}", "5" },
		{ "{\"end\":\"idle_deadline\"}", "5" },
		{ "{\"worker\":2}", "4 5 6" },
		{ "{\"worker\":1,\"limit\":2}", "1 2" },
	};
	struct fixture *f = *state;

	fixture_conn(f, 1, 0, PHASE_RELAY, "192.0.2.1", "a.example.org", 1);
	fixture_conn(f, 1, 1, PHASE_HELLO, "192.0.2.2", "", 2);
	strcpy(fixture_conn(f, 1, 2, PHASE_RELAY, "192.0.2.3", "x.a.example.org", 3)->backend, "app");
	fixture_conn(f, 2, 3, PHASE_CONNECT, "198.51.100.4", "example.com", 100)->listener = 1;
	struct ledger_conn *c = fixture_conn(f, 2, 4, PHASE_CLOSING, "2001:db8::5", "a.example.org", 200);
	strcpy(c->backend, "app");
	c->end = END_IDLE_DEADLINE;
	fixture_conn(f, 2, 5, PHASE_HANDSHAKE, "2001:db8::6", "", 4);
	fixture_serve(f);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_selects(f, cases[i].params, cases[i].ids);
}

static void a_connection_is_told_in_full(void **state)
{
	struct fixture *f = *state;
	struct ledger_conn *c = fixture_conn(f, 2, 0, PHASE_RELAY, "2001:db8::1", "a.example.org", 9);

	c->tls_version = 0x0304;
	c->cipher = 0x1301;
	c->resumed = 1;
	c->listener = 1;
	c->bytes_up = 100;
	c->bytes_down = 1ull << 40;
	c->wakeups = 5;
	c->spurious = 1;
	c->deadline = DEADLINE_IDLE;
	c->deadline_ns = f->now_ns + 100 * SECOND_NS;
	c->last_progress_ns = f->now_ns - 2 * SECOND_NS;
	strcpy(c->alpn, "h2");
	strcpy(c->server, "127.0.0.1:8080");
	strcpy(c->policy, "fixed");
	fixture_serve(f);
	json_t *r = ask(f, "connections", NULL), *o = json_array_get(json_object_get(r, "connections"), 0);
	assert_true(number(o, "id") == (2ll << 40 | 1));
	assert_int_equal(number(o, "worker"), 2);
	assert_text(o, "phase", "relay");
	assert_text(o, "peer", "[2001:db8::1]:40000");
	assert_text(o, "listener", "imaps");
	assert_text(o, "tls", "1.3");
	assert_text(o, "cipher", "0x1301");
	assert_text(o, "alpn", "h2");
	assert_text(o, "server", "127.0.0.1:8080");
	assert_text(o, "policy", "fixed");
	assert_text(o, "deadline", "idle");
	assert_true(number(o, "deadline_in_ms") > 60000 && number(o, "deadline_in_ms") <= 100000);
	assert_true(number(o, "age_ms") >= 9000);
	assert_true(number(o, "idle_ms") >= 2000 && number(o, "idle_ms") < 9000);
	assert_true(number(o, "bytes_down") == 1ll << 40);
	assert_int_equal(number(o, "spurious_wakeups"), 1);
	assert_true(json_is_true(json_object_get(o, "resumed")));
	assert_true(json_is_null(json_object_get(o, "end")));
	assert_null(json_object_get(o, "torn"));
	json_decref(r);
}

static void what_peers_sent_is_made_safe(void **state)
{
	struct fixture *f = *state;
	struct ledger_conn *c = fixture_conn(f, 1, 0, PHASE_HELLO, "192.0.2.1", "\x1b[31m\xff\\x", 1);

	strcpy(c->detail, "\xc3\xa9\xc2\x9b\xe2\x80\xae\x7f\xed\xa0\x80");
	c->listener = 999;
	c->phase = 200;
	c->tls_version = 0xeeee;
	memset(c->alpn, 'x', sizeof c->alpn);
	c->peer.ss_family = 0x7777;
	fixture_serve(f);
	json_t *r = ask(f, "connections", NULL), *o = json_array_get(json_object_get(r, "connections"), 0);
	assert_text(o, "sni", "\\x1b[31m\\xff\\x5cx");
	assert_text(o, "detail", "\xc3\xa9\\xc2\\x9b\\xe2\\x80\\xae\\x7f\\xed\\xa0\\x80");
	assert_text(o, "phase", "none");
	assert_text(o, "peer", "-");
	assert_int_equal(strlen(json_string_value(json_object_get(o, "alpn"))), 31);
	assert_true(json_is_null(json_object_get(o, "listener")));
	assert_true(json_is_null(json_object_get(o, "tls")));
	json_decref(r);
}

static void a_torn_record_is_shown_marked(void **state)
{
	struct fixture *f = *state;
	struct ledger_conn *c = fixture_conn(f, 1, 0, PHASE_RELAY, "192.0.2.1", "a.example.org", 1);

	fixture_conn(f, 1, 1, PHASE_RELAY, "192.0.2.2", "b.example.org", 1);
	ledger_conn_begin(c);
	/* A slot that is being opened has no phase yet. */
	ledger_conn_begin(&f->writers[2].conns[0]);
	f->writers[2].conns[0].id = 9;
	fixture_serve(f);
	json_t *r = ask(f, "connections", NULL), *list = json_object_get(r, "connections");
	assert_int_equal(json_array_size(list), 3);
	assert_true(json_is_true(json_object_get(json_array_get(list, 0), "torn")));
	assert_null(json_object_get(json_array_get(list, 1), "torn"));
	assert_true(json_is_true(json_object_get(json_array_get(list, 2), "torn")));
	json_decref(r);
}

static void a_dead_workers_connections_are_still_listed(void **state)
{
	struct fixture *f = *state;

	fixture_conn(f, 1, 0, PHASE_RELAY, "192.0.2.1", "a.example.org", 1);
	f->s.workers[0].pid = 0;
	f->s.workers[0].state = CHILD_BACKOFF;
	fixture_serve(f);
	json_t *r = ask(f, "connections", NULL), *o = json_array_get(json_object_get(r, "connections"), 0);
	assert_true(json_is_true(json_object_get(o, "worker_gone")));
	json_decref(r);
}

static void a_mad_head_breaks_no_bound(void **state)
{
	struct fixture *f = *state;
	struct ledger_head *h = f->writers[0].head;

	fixture_conn(f, 1, FIXTURE_CONNS - 1, PHASE_RELAY, "192.0.2.1", "a.example.org", 1);
	h->conns_n = h->ended_n = h->doing = h->doing_conn = UINT32_MAX;
	h->size = h->ended_count = h->heartbeat_ns = UINT64_MAX;
	memset(h->counters, 0xff, sizeof h->counters);
	memset(h->gauges, 0xff, sizeof h->gauges);
	fixture_serve(f);
	json_decref(ask(f, "status", NULL));
	json_decref(ask(f, "workers", NULL));
	json_decref(ask(f, "worker", "{\"worker\":1}"));
	json_decref(ask(f, "connections", NULL));
	json_decref(ask(f, "connections", "{\"ended\":true}"));
	json_decref(ask(f, "connections", "{\"ended\":true,\"after\":{\"worker\":1,\"slot\":9223372036854775807,\"ended_ns\":0}}"));
	json_decref(ask(f, "connections", "{\"ended\":true,\"after\":{\"worker\":2,\"slot\":0,\"ended_ns\":9223372036854775807}}"));
	json_decref(ask(f, "connections", "{\"after\":{\"worker\":1,\"slot\":9223372036854775807}}"));
}

/* Ends connection i of worker w (its id ends in i + 1) at a time after the fixture's begin. */
static void end_at(struct fixture *f, int w, uint32_t i, uint64_t at_ns)
{
	uint64_t now_ns = f->now_ns;
	struct ledger_conn *c = fixture_conn(f, w, i, PHASE_RELAY, "192.0.2.1", "a.example.org", 1);

	f->now_ns = now_ns - SECOND_NS + at_ns;
	fixture_end(f, w, c, END_CLIENT_CLOSED);
	f->now_ns = now_ns;
}

/* Page after page of that size: the ids that come, each once, in that order. */
static void assert_pages(struct fixture *f, int limit, const char *want)
{
	char params[256], got[256] = "";
	json_t *next = NULL;
	size_t n = 0;

	do {
		char *after = next ? json_dumps(next, 0) : NULL;
		snprintf(params, sizeof params, "{\"ended\":true,\"limit\":%d%s%s}", limit, after ? ",\"after\":" : "", after ? after : "");
		free(after);
		json_decref(next);
		json_t *r = ask(f, "connections", params), *list = json_object_get(r, "connections");
		for (size_t i = 0; i < json_array_size(list); i++)
			n += (size_t)snprintf(got + n, sizeof got - n, "%s%d", n ? " " : "", (int)(number(json_array_get(list, i), "id") & 0xff));
		next = json_incref(json_object_get(r, "next"));
		json_decref(r);
	} while (next);
	assert_string_equal(got, want);
}

static void ended_ones_of_all_workers_are_in_one_order(void **state)
{
	struct fixture *f = *state;

	end_at(f, 2, 0, 10);
	end_at(f, 1, 1, 20);
	end_at(f, 3, 2, 30);
	end_at(f, 1, 3, 30);
	end_at(f, 1, 4, 30);
	end_at(f, 2, 5, 30);
	end_at(f, 3, 6, 40);
	fixture_serve(f);
	for (int limit = 1; limit <= 8; limit++)
		assert_pages(f, limit, "7 5 4 6 3 2 1");
}

static void ended_ones_come_newest_first(void **state)
{
	struct fixture *f = *state;
	char params[256];

	for (uint32_t i = 0; i < FIXTURE_ENDED + 3; i++) {
		struct ledger_conn *c = fixture_conn(f, 1, i, PHASE_RELAY, "192.0.2.1", "a.example.org", i + 10);
		c->hello_ns = c->accepted_ns + SECOND_NS;
		c->handshake_ns = c->accepted_ns + 2 * SECOND_NS;
		c->closing_ns = f->now_ns - SECOND_NS;
		fixture_end(f, 1, c, i == 9 ? END_IDLE_DEADLINE : END_CLIENT_CLOSED);
	}
	fixture_end(f, 2, fixture_conn(f, 2, 99, PHASE_HELLO, "192.0.2.1", "", 5), END_HELLO_DEADLINE);
	fixture_serve(f);
	assert_selects(f, "{}", "");
	assert_selects(f, "{\"ended\":true}", "11 10 9 8 7 6 5 4 100");
	assert_selects(f, "{\"ended\":true,\"limit\":2}", "11 10");
	snprintf(params, sizeof params, "{\"ended\":true,\"limit\":2,\"after\":{\"worker\":1,\"slot\":9,\"ended_ns\":%" PRIu64 "}}", f->now_ns);
	assert_selects(f, params, "9 8");
	assert_selects(f, "{\"ended\":true,\"older\":19}", "11 10");
	assert_selects(f, "{\"ended\":true,\"end\":\"hello_deadline\"}", "100");
	json_t *r = ask(f, "connections", "{\"ended\":true,\"end\":\"idle_deadline\"}");
	json_t *o = json_array_get(json_object_get(r, "connections"), 0), *d = json_object_get(o, "durations");
	assert_int_equal(number(o, "id") & 0xff, 10);
	assert_int_equal(number(o, "duration_ms"), 19000);
	assert_int_equal(number(d, "hello_ms"), 1000);
	assert_int_equal(number(d, "handshake_ms"), 1000);
	assert_int_equal(number(d, "connect_ms"), 16000);
	assert_int_equal(number(d, "closing_ms"), 1000);
	assert_null(json_object_get(d, "relay_ms"));
	json_decref(r);
}

/* The params for the page after r, or NULL. */
static const char *params_after(const json_t *r, char *params, size_t size)
{
	char *next = json_dumps(json_object_get(r, "next"), JSON_COMPACT);

	if (!next)
		return NULL;
	snprintf(params, size, "{\"limit\":500,\"after\":%s}", next);
	free(next);
	return params;
}

static void pages_show_each_of_3000_once(void **state)
{
	struct fixture *f = *state;
	static unsigned char seen[FIXTURE_WORKERS + 1][FIXTURE_CONNS + 1];
	char params[256] = "{\"limit\":500}", odd[256];
	const char *p = params;
	size_t total = 0;

	/* As long as JSON can get: each byte becomes five. */
	memset(odd, 1, sizeof odd - 1);
	odd[sizeof odd - 1] = '\0';
	for (uint32_t i = 0; i < 3000; i++) {
		struct ledger_conn *c = fixture_conn(f, (int)i % 3 + 1, i / 3, PHASE_RELAY, "192.0.2.1", odd, 1);
		memset(c->policy, 1, sizeof c->policy);
		memset(c->detail, 1, sizeof c->detail);
		memset(c->server, 1, sizeof c->server);
		memset(c->backend, 1, sizeof c->backend);
	}
	fixture_serve(f);
	for (int pages = 0; p && pages < 100; pages++) {
		json_t *r = ask(f, "connections", p), *c;
		size_t i;
		assert_true(json_dumpb(r, NULL, 0, JSON_COMPACT) < 1000000);
		json_array_foreach(json_object_get(r, "connections"), i, c) {
			unsigned char *mark = &seen[number(c, "worker")][number(c, "id") & 0xffff];
			assert_int_equal((*mark)++, 0);
			total++;
		}
		p = params_after(r, params, sizeof params);
		json_decref(r);
	}
	assert_null(p);
	assert_int_equal(total, 3000);
}

#define test(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(connections_are_filtered),
		test(a_connection_is_told_in_full),
		test(what_peers_sent_is_made_safe),
		test(a_torn_record_is_shown_marked),
		test(a_dead_workers_connections_are_still_listed),
		test(a_mad_head_breaks_no_bound),
		test(ended_ones_come_newest_first),
		test(ended_ones_of_all_workers_are_in_one_order),
		test(pages_show_each_of_3000_once),
	};
	return cmocka_run_group_tests_name("connections", tests, NULL, NULL);
}
