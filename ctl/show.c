/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/graph.h"
#include "ctl/table.h"
#include "ctl/units.h"

static const json_t *get(const json_t *o, const char *key)
{
	return json_object_get(o, key);
}

static void print_and_free(struct table *t)
{
	table_print(t, stdout, table_terminal_width(stdout));
	table_free(t);
}

/* One line of "what: value". */
static void line(const char *what, char *value)
{
	printf("%-16s %s\n", what, value);
	free(value);
}

/* Names and numbers of an object, those that are not 0, on one line. */
static void numbers_line(const char *what, const json_t *o)
{
	const char *name;
	json_t *v;
	bool any = false;

	printf("%-16s", what);
	json_object_foreach((json_t *)o, name, v) {
		if (json_integer_value(v) == 0)
			continue;
		char *safe = unit_safe(name), *n = unit_count(v);
		printf(" %s %s", safe, n);
		free(safe);
		free(n);
		any = true;
	}
	puts(any ? "" : " none");
}

static char *amount(const char *name, const json_t *v)
{
	return strstr(name, "bytes") ? unit_bytes(v) : unit_count(v);
}

static void numbers_table(const char *title, const json_t *o)
{
	const struct column columns[] = { { title, COLUMN_LEFT }, { "COUNT", COLUMN_RIGHT }, { 0 } };
	struct table *t;
	const char *name;
	json_t *v;

	if (json_object_size(o) == 0)
		return;
	putchar('\n');
	t = table_new(columns);
	json_object_foreach((json_t *)o, name, v) {
		table_add(t, unit_safe(name));
		table_add(t, amount(name, v));
	}
	print_and_free(t);
}

static void death_line(const char *who, const json_t *o)
{
	if (json_integer_value(get(o, "deaths")) == 0)
		return;
	char *deaths = unit_count(get(o, "deaths")), *last = unit_text(get(o, "last_death"));
	printf("%s died %s time%s, the last time: %s\n", who, deaths, strcmp(deaths, "1") == 0 ? "" : "s", last);
	free(deaths);
	free(last);
}

/* Of all, or of that worker. Should be almost never: without any, nothing is said. */
static void spurious_line(const char *who, const json_t *total, const json_t *rate, const json_t *restless)
{
	if (!json_is_object(restless))
		return;
	char *all = unit_count(total), *second = unit_count(rate);
	char *id = unit_text(get(restless, "id")), *most = unit_count(get(restless, "spurious_wakeups"));
	printf("%-16s %s spurious, %s in the last second; the most, %s, by connection %s\n", who, all, second, most, id);
	free(all);
	free(second);
	free(id);
	free(most);
}

/* One that was found sick. */
static void sick_line(const char *who, const json_t *verdict)
{
	if (!json_is_object(verdict))
		return;
	char *kind = unit_text(get(verdict, "kind")), *since = unit_ms(get(verdict, "since_ms"));
	char *numbers = unit_text(get(verdict, "numbers")), *step = unit_text(get(verdict, "step"));
	printf("%s is sick: %s for %s (%s); now: %s\n", who, kind, since, numbers, step);
	free(kind);
	free(since);
	free(numbers);
	free(step);
}

static void add_process_row(struct table *t, const json_t *o)
{
	table_add(t, unit_text(get(o, "state")));
	table_add(t, unit_text(get(o, "pid")));
	table_add(t, unit_ms(get(o, "uptime_ms")));
	table_add(t, unit_text(get(o, "doing")));
	table_add(t, unit_ms(get(o, "heartbeat_ms_ago")));
	table_add(t, unit_count(get(o, "deaths")));
}

static void processes_table(const json_t *processes)
{
	static const struct column columns[] = {
		{ "PROCESS", COLUMN_LEFT }, { "STATE", COLUMN_LEFT }, { "PID", COLUMN_RIGHT },
		{ "UPTIME", COLUMN_RIGHT }, { "DOING", COLUMN_LEFT }, { "BEAT", COLUMN_RIGHT },
		{ "DEATHS", COLUMN_RIGHT }, { 0 }
	};
	struct table *t = table_new(columns);
	const char *name;
	json_t *v;

	putchar('\n');
	json_object_foreach((json_t *)processes, name, v) {
		table_add(t, unit_safe(name));
		add_process_row(t, v);
	}
	print_and_free(t);
	json_object_foreach((json_t *)processes, name, v) {
		char *safe = unit_safe(name);
		death_line(safe, v);
		sick_line(safe, get(v, "verdict"));
		free(safe);
	}
}

/* One that is ready and takes no more says why nobody new gets to it. */
static char *worker_state(const json_t *w)
{
	const char *state = json_string_value(get(w, "state"));

	if (state && strcmp(state, "ready") == 0 && json_is_true(get(w, "at_limit")))
		return strdup("at limit");
	return unit_text(get(w, "state"));
}

static void worker_states_table(const json_t *workers)
{
	static const struct column columns[] = {
		{ "WORKER", COLUMN_RIGHT }, { "STATE", COLUMN_LEFT }, { "CONNECTIONS", COLUMN_RIGHT },
		{ "DEATHS", COLUMN_RIGHT }, { 0 }
	};
	struct table *t = table_new(columns);
	char who[32];
	size_t i;
	json_t *w;

	putchar('\n');
	json_array_foreach((json_t *)workers, i, w) {
		table_add(t, unit_text(get(w, "worker")));
		table_add(t, worker_state(w));
		table_add(t, unit_count(get(w, "connections")));
		table_add(t, unit_count(get(w, "deaths")));
	}
	print_and_free(t);
	json_array_foreach((json_t *)workers, i, w) {
		snprintf(who, sizeof who, "worker %lld", (long long)json_integer_value(get(w, "worker")));
		sick_line(who, get(w, "verdict"));
	}
}

static void missing_lines(const json_t *missing)
{
	const char *role;
	json_t *v;

	json_object_foreach((json_t *)missing, role, v) {
		char *safe = unit_safe(role), *text = unit_text(v);
		printf("%s: protections missing: %s\n", safe, text);
		free(safe);
		free(text);
	}
}

/* "refused, at 2026-01-31 12:00:00, by SIGHUP: ERROR" */
static void reload_line(const json_t *r)
{
	time_t at = (time_t)json_integer_value(get(r, "at"));
	char when[32];
	struct tm tm;

	if (json_is_true(get(r, "under_way")))
		puts("a reload is under way");
	if (!get(r, "result")) {
		line("last reload", unit_text(NULL));
		return;
	}
	strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", localtime_r(&at, &tm));
	char *result = unit_text(get(r, "result")), *by = unit_text(get(r, "by")), *error = unit_text(get(r, "error"));
	bool refused = json_integer_value(get(r, "errors")) > 0;
	printf("%-16s %s, at %s, by %s%s%s\n", "last reload", result, when, by, refused ? ": " : "", refused ? error : "");
	free(result);
	free(by);
	free(error);
}

/* Only if there is something to look at. */
static void failing_line(const char *what, const json_t *n)
{
	char text[64];

	if (json_integer_value(n) == 0)
		return;
	snprintf(text, sizeof text, "%lld failing; see hosts --failing", (long long)json_integer_value(n));
	line(what, unit_safe(text));
}

/* The same. */
static void expiring_line(const json_t *expiring)
{
	long long n = json_integer_value(get(expiring, "certificates"));
	char text[320], *name;

	if (n == 0)
		return;
	name = unit_text(get(get(expiring, "first"), "name"));
	snprintf(text, sizeof text, "%lld, first %s; see hosts --expiring 14", n, name ? name : "");
	free(name);
	line("expiring", unit_safe(text));
}

void show_status(const json_t *status)
{
	line("version", unit_text(get(status, "version")));
	line("state", unit_text(get(status, "state")));
	line("pid", unit_text(get(status, "pid")));
	line("uptime", unit_ms(get(status, "uptime_ms")));
	line("generation", unit_text(get(status, "generation")));
	reload_line(get(status, "reload"));
	line("certificates", unit_count(get(status, "certificates")));
	line("names", unit_count(get(status, "names")));
	expiring_line(get(status, "expiring"));
	numbers_line("staples", get(status, "staples"));
	failing_line("orders", get(status, "orders_failing"));
	failing_line("fetches", get(status, "fetches_failing"));
	line("log level", unit_text(get(status, "log_level")));
	numbers_line("connections", get(status, "phases"));
	spurious_line("wake-ups", get(get(status, "counters"), "spurious_wakeups"),
		get(get(status, "gauges"), "spurious_per_second"), get(status, "restless"));
	missing_lines(get(status, "protections_missing"));
	processes_table(get(status, "processes"));
	worker_states_table(get(status, "workers"));
	numbers_table("COUNTER", get(status, "counters"));
	numbers_table("GAUGE", get(status, "gauges"));
	numbers_table("END", get(status, "ends"));
}

static void worker_row(struct table *t, const json_t *w)
{
	table_add(t, unit_text(get(w, "worker")));
	table_add(t, unit_text(get(w, "pid")));
	table_add(t, worker_state(w));
	table_add(t, unit_ms(get(w, "uptime_ms")));
	table_add(t, unit_count(get(w, "connections")));
	table_add(t, unit_count(get(w, "handshakes_full")));
	table_add(t, unit_count(get(w, "handshakes_resumed")));
	table_add(t, unit_bytes(get(w, "bytes_up")));
	table_add(t, unit_bytes(get(w, "bytes_down")));
	table_add(t, unit_text(get(w, "doing")));
	table_add(t, unit_ms(get(w, "heartbeat_ms_ago")));
	table_add(t, unit_count(get(w, "descriptors")));
}

void show_workers(const json_t *workers)
{
	static const struct column columns[] = {
		{ "N", COLUMN_RIGHT }, { "PID", COLUMN_RIGHT }, { "STATE", COLUMN_LEFT },
		{ "UPTIME", COLUMN_RIGHT }, { "CONNS", COLUMN_RIGHT }, { "FULL", COLUMN_RIGHT },
		{ "RESUMED", COLUMN_RIGHT }, { "UP", COLUMN_RIGHT }, { "DOWN", COLUMN_RIGHT },
		{ "DOING", COLUMN_LEFT }, { "BEAT", COLUMN_RIGHT }, { "FDS", COLUMN_RIGHT }, { 0 }
	};
	struct table *t = table_new(columns);
	char who[32];
	size_t i;
	json_t *w;

	json_array_foreach((json_t *)get(workers, "workers"), i, w)
		worker_row(t, w);
	print_and_free(t);
	json_array_foreach((json_t *)get(workers, "workers"), i, w) {
		snprintf(who, sizeof who, "worker %lld", (long long)json_integer_value(get(w, "worker")));
		death_line(who, w);
		spurious_line(who, get(w, "spurious_wakeups"), get(w, "spurious_per_second"), get(w, "restless"));
		sick_line(who, get(w, "verdict"));
	}
}

static void doing_connection(const json_t *c)
{
	if (!json_is_object(c))
		return;
	char *id = unit_text(get(c, "id")), *phase = unit_text(get(c, "phase"));
	char *peer = unit_text(get(c, "peer")), *sni = unit_text(get(c, "sni"));
	printf("%-16s %s (%s, from %s, for %s)\n", "  for connection", id, phase, peer, sni);
	free(id);
	free(phase);
	free(peer);
	free(sni);
}

void show_worker(const json_t *w)
{
	line("worker", unit_text(get(w, "worker")));
	line("state", unit_text(get(w, "state")));
	line("in this state", unit_ms(get(w, "state_ms")));
	line("pid", unit_text(get(w, "pid")));
	line("uptime", unit_ms(get(w, "uptime_ms")));
	line("generation", unit_text(get(w, "generation")));
	line("heartbeat ago", unit_ms(get(w, "heartbeat_ms_ago")));
	line("doing", unit_text(get(w, "doing")));
	if (json_is_string(get(w, "doing_script")))
		line("  in the script", unit_text(get(w, "doing_script")));
	doing_connection(get(w, "doing_connection"));
	sick_line("this worker", get(w, "verdict"));
	numbers_line("verdicts", get(w, "verdicts"));
	line("replaced", unit_count(get(w, "replaced")));
	line("deaths", unit_text(get(w, "deaths")));
	line("last death", unit_text(get(w, "last_death")));
	line("missing", unit_text(get(w, "protections_missing")));
	numbers_line("connections", get(w, "phases"));
	spurious_line("wake-ups", get(get(w, "counters"), "spurious_wakeups"),
		get(get(w, "gauges"), "spurious_per_second"), get(w, "restless"));
	numbers_table("COUNTER", get(w, "counters"));
	numbers_table("GAUGE", get(w, "gauges"));
	numbers_table("END", get(w, "ends"));
	graph_samples(get(w, "samples"), table_terminal_width(stdout));
}
