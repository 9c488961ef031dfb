/* SPDX-License-Identifier: BSD-2-Clause */
/* Incident reports: the list, and one of them as a story with its parts. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/show.h"
#include "ctl/table.h"
#include "ctl/units.h"

#define STACKS_SHOWN 3
#define SAMPLES_SHOWN 12

static const json_t *get(const json_t *o, const char *key)
{
	return json_object_get(o, key);
}

static bool has(const json_t *o, const char *key)
{
	const json_t *v = get(o, key);

	return v && !json_is_null(v);
}

static char *moment(const json_t *time, bool date)
{
	time_t t = (time_t)json_number_value(time);
	char text[40] = "-";
	struct tm tm;

	if (json_is_number(time) && gmtime_r(&t, &tm))
		strftime(text, sizeof text, date ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S", &tm);
	return unit_safe(text);
}

/* "worker 2", "keeper" */
static char *process_of(const json_t *o)
{
	char *role = unit_text(get(o, "role")), *index, *text;

	if (!has(o, "worker"))
		return role;
	index = unit_text(get(o, "worker"));
	if (asprintf(&text, "%s %s", role, index) < 0)
		text = unit_safe("");
	free(role);
	free(index);
	return text;
}

void show_incidents(const json_t *incidents)
{
	static const struct column columns[] = { { "ID", COLUMN_LEFT }, { "WHEN", COLUMN_CUTTABLE_OPTIONAL }, { "PROCESS", COLUMN_LEFT },
		{ "PID", COLUMN_RIGHT_OPTIONAL }, { "VERDICT", COLUMN_LEFT }, { "REPORT", COLUMN_LEFT }, { "BYTES", COLUMN_RIGHT_OPTIONAL },
		{ "NUMBERS", COLUMN_CUTTABLE }, { 0 } };
	struct table *t = table_new(columns);
	size_t i;
	json_t *o;

	json_array_foreach((json_t *)get(incidents, "incidents"), i, o) {
		table_add(t, unit_text(get(o, "id")));
		table_add(t, moment(get(o, "time"), true));
		table_add(t, process_of(o));
		table_add(t, unit_text(get(o, "pid")));
		table_add(t, unit_text(get(o, "verdict")));
		table_add(t, unit_text(get(o, "state")));
		table_add(t, unit_bytes(get(o, "bytes")));
		table_add(t, unit_text(has(o, "error") ? get(o, "error") : get(o, "numbers")));
	}
	table_print(t, stdout, table_terminal_width(stdout));
	table_free(t);
}

void show_witness(const json_t *o)
{
	char *id = unit_text(get(o, "id")), *state = unit_text(get(o, "state"));

	printf("incident %s: %s; `tlswardctl incident %s` shows it\n", id, state, id);
	free(id);
	free(state);
	if (!has(o, "missing") && !has(o, "why"))
		return;
	char *text = unit_text(has(o, "missing") ? get(o, "missing") : get(o, "why"));
	printf("missing: %s\n", text);
	free(text);
}

/* ---- the story ---- */

static void line(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void line(const char *label, const char *format, ...)
{
	va_list ap;

	printf("%-13s ", label);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
}

/* A line of one value; nothing if there is none. */
static void value(const char *label, const json_t *v)
{
	if (!v || json_is_null(v))
		return;
	char *text = unit_text(v);
	line(label, "%s", text);
	free(text);
}

static void tell_who(const json_t *o)
{
	char *when = moment(get(o, "time"), true), *who = process_of(o);
	char *pid = unit_text(get(o, "pid")), *generation = unit_text(get(o, "generation")), *up = unit_ms(get(o, "uptime_ms"));

	value("incident", get(o, "id"));
	line("when", "%s UTC", when);
	line("process", "%s, pid %s, start %s of its place, up for %s", who, pid, generation, up);
	free(when);
	free(who);
	free(pid);
	free(generation);
	free(up);
}

static void tell_what(const json_t *o)
{
	char *verdict = unit_text(get(o, "verdict")), *text = unit_text(get(o, "text")), *since = unit_ms(get(o, "since_ms_ago"));

	line("seen", "%s: %s", verdict, text);
	value("numbers", get(o, "numbers"));
	if (has(o, "since_ms_ago") && !has(o, "death"))
		line("since", "%s before the report was begun", since);
	free(verdict);
	free(text);
	free(since);
}

static void tell_connection(const char *label, const json_t *c)
{
	char *id = unit_text(get(c, "id")), *phase = unit_text(get(c, "phase")), *age = unit_ms(get(c, "age_ms"));
	char *peer = unit_text(get(c, "peer")), *sni = unit_text(get(c, "sni"));

	line(label, "%s: %s, %s old, from %s, for %s%s", id, phase, age, peer, sni,
		json_is_true(get(c, "torn")) ? "; its record was being written" : "");
	free(id);
	free(phase);
	free(age);
	free(peer);
	free(sni);
}

static void tell_doing(const json_t *o)
{
	const json_t *doing = get(o, "doing"), *script = get(doing, "script");
	char *what = unit_text(get(doing, "what")), *beat = unit_ms(get(doing, "heartbeat_ms_ago"));

	line(has(o, "death") ? "did" : "doing", "%s; last heartbeat %s before", what, beat);
	if (json_is_object(get(doing, "connection")))
		tell_connection("connection", get(doing, "connection"));
	if (json_is_object(script)) {
		char *file = unit_text(get(script, "file")), *number = unit_text(get(script, "line"));
		line("script", "%s:%s", file, number);
		free(file);
		free(number);
	}
	free(what);
	free(beat);
}

static char *function_name(const json_t *f)
{
	char *name = unit_text(get(f, "function")), *module = unit_text(get(f, "module")), *text;

	if (asprintf(&text, "%s (%s)", has(f, "function") ? name : "?", module) < 0)
		text = unit_safe("");
	free(name);
	free(module);
	return text;
}

static void tell_where(const json_t *o)
{
	const json_t *profile = get(o, "profile"), *process = get(o, "process"), *stack;
	json_t *f;
	size_t i;

	value("state", get(get(process, "status"), "State"));
	value("system call", get(process, "syscall"));
	stack = json_array_get(get(profile, "stacks"), 0);
	if (!stack)
		return;
	printf("%-13s ", "found in");
	json_array_foreach((json_t *)get(stack, "frames"), i, f) {
		char *name = function_name(f);
		if (i < 4)
			printf("%s%s", i ? " < " : "", name);
		free(name);
	}
	printf(", in %lld of %lld samples\n", (long long)json_integer_value(get(stack, "samples")),
		(long long)json_integer_value(get(profile, "samples")));
}

static void tell_connections(const json_t *c)
{
	const char *phase;
	json_t *v;
	size_t i;

	if (!json_is_object(c))
		return;
	printf("%-13s %lld", "connections", (long long)json_integer_value(get(c, "live")));
	json_object_foreach((json_t *)get(c, "by_phase"), phase, v) {
		char *safe = unit_safe(phase);
		printf(", %s %lld", safe, (long long)json_integer_value(get(v, "connections")));
		free(safe);
	}
	putchar('\n');
	json_array_foreach((json_t *)get(c, "names"), i, v) {
		char *sni = json_is_null(get(v, "sni")) ? unit_safe("(no name)") : unit_text(get(v, "sni"));
		line(i ? "" : "names", "%s %lld", sni, (long long)json_integer_value(get(v, "connections")));
		free(sni);
	}
	json_array_foreach((json_t *)get(c, "list"), i, v)
		if (json_is_true(get(v, "torn")))
			tell_connection("torn record", v);
	json_array_foreach((json_t *)get(c, "restless"), i, v) {
		char *id = unit_text(get(v, "id")), *spurious = unit_count(get(v, "spurious_wakeups")), *all = unit_count(get(v, "wakeups"));
		line(i ? "" : "restless", "%s: %s of %s wake-ups made no progress", id, spurious, all);
		free(id);
		free(spurious);
		free(all);
	}
}

static void tell_descriptors(const json_t *d)
{
	if (json_is_object(d))
		line("descriptors", "%lld open: %lld of connections, %lld of the process itself, %lld of nobody",
			(long long)json_integer_value(get(d, "open")), (long long)json_integer_value(get(d, "of_connections")),
			(long long)json_integer_value(get(d, "of_the_process")), (long long)json_integer_value(get(d, "of_nobody")));
}

static void tell_steps(const json_t *o)
{
	size_t i;
	json_t *v;

	json_array_foreach((json_t *)get(o, "steps"), i, v) {
		char *when = moment(get(v, "time"), false), *text = unit_text(get(v, "text"));
		line(i ? "" : "done", "%s %s", when, text);
		free(when);
		free(text);
	}
	json_array_foreach((json_t *)get(o, "missing"), i, v)
		value(i ? "" : "missing", v);
	if (has(o, "state") && has(o, "why"))
		value("report", get(o, "why"));
}

/* ---- the parts ---- */

static void show_functions(const json_t *functions)
{
	static const struct column columns[] = { { "SELF", COLUMN_RIGHT }, { "IN", COLUMN_RIGHT }, { "FUNCTION", COLUMN_CUTTABLE }, { 0 } };
	struct table *t = table_new(columns);
	size_t i;
	json_t *f;

	json_array_foreach((json_t *)functions, i, f) {
		table_add(t, unit_text(get(f, "self")));
		table_add(t, unit_text(get(f, "in")));
		table_add(t, function_name(f));
	}
	table_print(t, stdout, table_terminal_width(stdout));
	table_free(t);
}

static void show_stack(const json_t *stack)
{
	size_t i;
	json_t *f;

	printf("\n%lld samples:\n", (long long)json_integer_value(get(stack, "samples")));
	json_array_foreach((json_t *)get(stack, "frames"), i, f) {
		char *name = function_name(f), *offset = unit_text(get(f, "offset"));
		printf("  %s + %s\n", name, offset);
		free(name);
		free(offset);
	}
}

static void show_profile(const json_t *p)
{
	if (json_array_size(get(p, "stacks")) == 0)
		return;
	printf("\nWhere it was found, of %lld samples\n\n", (long long)json_integer_value(get(p, "samples")));
	show_functions(get(p, "functions"));
	for (size_t i = 0; i < STACKS_SHOWN && i < json_array_size(get(p, "stacks")); i++)
		show_stack(json_array_get(get(p, "stacks"), i));
}

static void show_samples(const json_t *samples)
{
	static const struct column columns[] = { { "AGO", COLUMN_RIGHT }, { "CPU", COLUMN_RIGHT }, { "DELAYED", COLUMN_RIGHT },
		{ "MEMORY", COLUMN_RIGHT }, { "FDS", COLUMN_RIGHT }, { "KNOWN", COLUMN_RIGHT }, { "BEAT", COLUMN_RIGHT },
		{ "CONNS", COLUMN_RIGHT }, { "BYTES", COLUMN_RIGHT }, { "WAKEUPS", COLUMN_RIGHT }, { "SPURIOUS", COLUMN_RIGHT }, { 0 } };
	static const struct { const char *key; char *(*unit)(const json_t *v); } cells[] = {
		{ "ms_ago", unit_ms }, { "cpu_ms", unit_ms }, { "run_delay_ms", unit_ms }, { "rss_bytes", unit_bytes },
		{ "descriptors", unit_count }, { "descriptors_known", unit_count }, { "heartbeat_ms_ago", unit_ms },
		{ "connections", unit_count }, { "bytes", unit_bytes }, { "wakeups", unit_count }, { "spurious_wakeups", unit_count },
	};
	size_t n = json_array_size(samples);

	if (n == 0)
		return;
	printf("\nIts last samples\n\n");
	struct table *t = table_new(columns);
	for (size_t i = n > SAMPLES_SHOWN ? n - SAMPLES_SHOWN : 0; i < n; i++)
		for (size_t k = 0; k < sizeof cells / sizeof cells[0]; k++)
			table_add(t, cells[k].unit(get(json_array_get(samples, i), cells[k].key)));
	table_print(t, stdout, table_terminal_width(stdout));
	table_free(t);
}

void show_incident(const json_t *o)
{
	const json_t *connections = get(o, "connections");

	tell_who(o);
	tell_what(o);
	if (json_is_object(get(o, "doing")))
		tell_doing(o);
	tell_where(o);
	tell_connections(connections);
	tell_descriptors(get(o, "descriptors"));
	tell_steps(o);
	show_samples(get(o, "samples"));
	show_profile(get(o, "profile"));
	if (json_is_object(get(o, "descriptors"))) {
		printf("\nDescriptors\n\n");
		show_descriptors_part(get(o, "descriptors"), true);
	}
	if (json_array_size(get(connections, "list")) > 0) {
		printf("\nConnections, the oldest first\n\n");
		json_t *list = json_pack("{s:O}", "connections", get(connections, "list"));
		show_connections(list, false);
		json_decref(list);
	}
}
