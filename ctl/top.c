/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/top.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/table.h"
#include "ctl/units.h"

#define INTERVAL_S 2.
#define RESTLESS_MAX 500	/* fetched; the worst of them are shown */
#define RESTLESS_SHOWN 8
#define OTHER_LINES 8		/* of a screen, that are no workers */
#define CLEAR "\033[H\033[J"

const struct command_option top_options[] = {
	{ "once", OPTION_FLAG, NULL, "one screen, then end" },
	{ "interval", OPTION_NUMBER, "S", "seconds between two looks (2)" },
	{ 0 }
};

/* What was asked at one moment. */
struct look {
	double at_s;
	json_t *status, *workers, *restless;
};

struct top {
	struct run *run;
	struct client *client;
	struct look before, now;
	double interval_s;
	bool live;			/* a terminal: each screen replaces the one before */
};

static const json_t *get(const json_t *o, const char *key)
{
	return json_object_get(o, key);
}

static void on_signal(int number)
{
	(void)number;
	_exit(EXIT_OK);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void clear(struct look *l)
{
	json_decref(l->status);
	json_decref(l->workers);
	json_decref(l->restless);
	*l = (struct look){ .at_s = 0 };
}

static enum exit_code look(struct top *t)
{
	clear(&t->before);
	t->before = t->now;
	t->now = (struct look){ .at_s = now_s() };
	enum exit_code rc = call(t->client, "status", NULL, &t->now.status);
	if (rc == EXIT_OK)
		rc = call(t->client, "workers", NULL, &t->now.workers);
	if (rc == EXIT_OK)
		rc = call(t->client, "connections", json_pack("{s:b, s:i}", "restless", 1, "limit", RESTLESS_MAX), &t->now.restless);
	return rc;
}

/* The entry of before whose key is the same as in this one; NULL: it is new. */
static const json_t *same(const json_t *list, const json_t *one, const char *key)
{
	size_t i;
	json_t *o;

	json_array_foreach((json_t *)list, i, o)
		if (json_equal(get(o, key), get(one, key)))
			return o;
	return NULL;
}

/* How much of it came in a second. */
static double rate(const struct top *t, const json_t *before, const json_t *now, const char *key)
{
	double span = t->now.at_s - t->before.at_s;
	json_int_t d = json_integer_value(get(now, key)) - json_integer_value(get(before, key));

	return before && span > 0 && d > 0 ? (double)d / span : 0;
}

static char *per_second(double n)
{
	char text[32];
	json_t *v = json_integer((json_int_t)(n + 0.5));

	if (n > 0 && n < 9.95) {
		snprintf(text, sizeof text, "%.1f", n);
		json_decref(v);
		return unit_safe(text);
	}
	char *out = unit_count(v);
	json_decref(v);
	return out;
}

static char *bytes_per_second(double n)
{
	json_t *v = json_integer((json_int_t)(n + 0.5));
	char *out = unit_bytes(v);

	json_decref(v);
	return out;
}

static char *percent(const json_t *permille)
{
	char text[32];

	if (!json_is_number(permille))
		return unit_text(permille);
	snprintf(text, sizeof text, "%.0f%%", json_number_value(permille) / 10);
	return unit_safe(text);
}

static void show_head(const struct top *t)
{
	const json_t *s = t->now.status, *c = get(s, "counters"), *b = get(t->before.status, "counters"), *phases = get(s, "phases");
	char *version = unit_text(get(s, "version")), *state = unit_text(get(s, "state")), *up = unit_ms(get(s, "uptime_ms"));
	char *accepts = per_second(rate(t, b, c, "accepted")), *full = per_second(rate(t, b, c, "handshakes_full"));
	char *resumed = per_second(rate(t, b, c, "handshakes_resumed"));
	char *bytes_up = bytes_per_second(rate(t, b, c, "bytes_up")), *bytes_down = bytes_per_second(rate(t, b, c, "bytes_down"));
	const char *phase;
	json_t *v;

	printf("tlsward %s, %s, up %s\n", version, state, up);
	printf("per second: %s accepted, %s full and %s resumed handshakes, %s up, %s down\n", accepts, full, resumed, bytes_up, bytes_down);
	printf("connections:");
	json_object_foreach((json_t *)phases, phase, v)
		printf(" %s %lld", phase, (long long)json_integer_value(v));
	puts("\n");
	free(version); free(state); free(up);
	free(accepts); free(full); free(resumed); free(bytes_up); free(bytes_down);
}

static void worker_row(const struct top *t, struct table *table, const json_t *w)
{
	const json_t *before = same(get(t->before.workers, "workers"), w, "worker");

	/* Another process took the place: its numbers began anew. */
	if (before && !json_equal(get(before, "pid"), get(w, "pid")))
		before = NULL;
	table_add(table, unit_text(get(w, "worker")));
	table_add(table, unit_text(get(w, "pid")));
	table_add(table, unit_text(get(w, "state")));
	table_add(table, percent(get(w, "cpu_permille")));
	table_add(table, unit_count(get(w, "connections")));
	table_add(table, unit_text(get(w, "open_descriptors")));
	table_add(table, per_second(rate(t, before, w, "accepted")));
	table_add(table, per_second(rate(t, before, w, "handshakes_full") + rate(t, before, w, "handshakes_resumed")));
	table_add(table, bytes_per_second(rate(t, before, w, "bytes_up")));
	table_add(table, bytes_per_second(rate(t, before, w, "bytes_down")));
	table_add(table, per_second(rate(t, before, w, "wakeups")));
	table_add(table, per_second(rate(t, before, w, "spurious_wakeups")));
	table_add(table, unit_ms(get(w, "heartbeat_ms_ago")));
	table_add(table, unit_text(get(w, "doing")));
}

static void show_workers_now(const struct top *t, size_t most)
{
	static const struct column columns[] = { { "N", COLUMN_RIGHT }, { "PID", COLUMN_RIGHT_OPTIONAL }, { "STATE", COLUMN_LEFT },
		{ "CPU", COLUMN_RIGHT }, { "CONNS", COLUMN_RIGHT }, { "FDS", COLUMN_RIGHT }, { "ACC/s", COLUMN_RIGHT_OPTIONAL },
		{ "TLS/s", COLUMN_RIGHT }, { "UP/s", COLUMN_RIGHT }, { "DOWN/s", COLUMN_RIGHT }, { "WAKE/s", COLUMN_RIGHT },
		{ "SPUR/s", COLUMN_RIGHT }, { "BEAT", COLUMN_RIGHT_OPTIONAL }, { "DOING", COLUMN_CUTTABLE }, { 0 } };
	const json_t *list = get(t->now.workers, "workers");
	struct table *table = table_new(columns);
	size_t i;
	json_t *w;

	json_array_foreach((json_t *)list, i, w)
		if (i < most)
			worker_row(t, table, w);
	table_print(table, stdout, table_terminal_width(stdout));
	table_free(table);
	if (json_array_size(list) > most)
		printf("and %zu more\n", json_array_size(list) - most);
}

/* By wake-ups without progress, now. */
struct restless {
	const json_t *conn;
	double per_s;
};

static int most_restless(const void *a, const void *b)
{
	const struct restless *x = a, *y = b;

	return x->per_s > y->per_s ? -1 : x->per_s < y->per_s;
}

static void show_restless(const struct top *t)
{
	static const struct column columns[] = { { "RESTLESS", COLUMN_RIGHT }, { "PHASE", COLUMN_LEFT }, { "AGE", COLUMN_RIGHT },
		{ "SPUR/s", COLUMN_RIGHT }, { "WAKE/s", COLUMN_RIGHT }, { "PEER", COLUMN_CUTTABLE }, { "SNI", COLUMN_CUTTABLE }, { 0 } };
	const json_t *now = get(t->now.restless, "connections"), *then = get(t->before.restless, "connections");
	struct restless list[RESTLESS_MAX];
	size_t n = 0, i;
	json_t *c;

	json_array_foreach((json_t *)now, i, c)
		if (n < RESTLESS_MAX)
			list[n++] = (struct restless){ c, rate(t, same(then, c, "id"), c, "spurious_wakeups") };
	if (n == 0)
		return;
	qsort(list, n, sizeof list[0], most_restless);
	struct table *table = table_new(columns);
	for (i = 0; i < n && i < RESTLESS_SHOWN; i++) {
		c = (json_t *)list[i].conn;
		table_add(table, unit_text(get(c, "id")));
		table_add(table, unit_text(get(c, "phase")));
		table_add(table, unit_ms(get(c, "age_ms")));
		table_add(table, per_second(list[i].per_s));
		table_add(table, per_second(rate(t, same(then, c, "id"), c, "wakeups")));
		table_add(table, unit_text(get(c, "peer")));
		table_add(table, unit_text(get(c, "sni")));
	}
	putchar('\n');
	table_print(table, stdout, table_terminal_width(stdout));
	table_free(table);
}

/* Workers that fit on the screen. */
static size_t rows(const struct top *t)
{
	struct winsize size;

	if (!t->live || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0)
		return SIZE_MAX;
	size_t other = OTHER_LINES + (json_array_size(get(t->now.restless, "connections")) > 0 ? RESTLESS_SHOWN + 2 : 0);
	return size.ws_row > other + 1 ? size.ws_row - other : 1;
}

static void show(const struct top *t)
{
	fputs(t->live ? CLEAR : "", stdout);
	show_head(t);
	show_workers_now(t, rows(t));
	show_restless(t);
	if (!t->live)
		putchar('\n');
}

static void print_look(const struct look *l)
{
	json_t *all = json_pack("{s:O, s:O, s:O}", "status", l->status, "workers", get(l->workers, "workers"),
		"restless", get(l->restless, "connections"));

	print_json(all);
	json_decref(all);
}

static void rest(double s)
{
	struct timespec t = { .tv_sec = (time_t)s, .tv_nsec = (long)((s - (double)(time_t)s) * 1e9) };

	nanosleep(&t, NULL);
}

static enum exit_code turns(struct top *t, bool once)
{
	enum exit_code rc = look(t);

	while (rc == EXIT_OK) {
		rest(t->interval_s);
		rc = look(t);
		if (rc != EXIT_OK)
			break;
		if (t->run->json)
			print_look(&t->now);
		else
			show(t);
		if (fflush(stdout) != 0)
			return EXIT_ERROR;
		if (once)
			break;
	}
	return rc;
}

enum exit_code top(struct run *run)
{
	const struct sigaction sa = { .sa_handler = on_signal };
	const json_t *interval = get(run->params, "interval");
	bool once = json_is_true(get(run->params, "once"));
	struct top t = { .run = run, .live = !once && !run->json && isatty(STDOUT_FILENO),
		.interval_s = interval ? json_number_value(interval) : INTERVAL_S };

	if (t.interval_s < 0.1 || t.interval_s > 3600) {
		complain("--interval: must be from 0.1 to 3600");
		return EXIT_USAGE;
	}
	t.client = open_client(run);
	if (!t.client)
		return EXIT_UNREACHABLE;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	enum exit_code rc = turns(&t, once);
	clear(&t.before);
	clear(&t.now);
	client_close(t.client);
	return rc;
}
