/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of host names and of backends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/show.h"
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

static char *date(const json_t *v)
{
	char text[32] = "-";
	time_t t = (time_t)json_integer_value(v);
	struct tm tm;

	if (json_is_integer(v) && gmtime_r(&t, &tm))
		strftime(text, sizeof text, "%Y-%m-%d", &tm);
	return unit_safe(text);
}

static int by_name(const void *a, const void *b)
{
	const char *x = json_string_value(get(*(json_t *const *)a, "name"));
	const char *y = json_string_value(get(*(json_t *const *)b, "name"));

	return strcmp(x ? x : "", y ? y : "");
}

/* The server gives them as they lie in the catalog; people look for a name. Free the result. */
static json_t **sorted(const json_t *list)
{
	size_t n = json_array_size(list);
	json_t **all = calloc(n + 1, sizeof *all);

	if (!all) {
		fputs("tlswardctl: out of memory\n", stderr);
		exit(1);
	}
	for (size_t i = 0; i < n; i++)
		all[i] = json_array_get(list, i);
	qsort(all, n, sizeof *all, by_name);
	return all;
}

void show_hosts(const json_t *hosts)
{
	static const struct column columns[] = {
		{ "NAME", COLUMN_CUTTABLE }, { "KEY", COLUMN_LEFT }, { "ENDS", COLUMN_LEFT }, { "DAYS", COLUMN_RIGHT },
		{ "N", COLUMN_RIGHT }, { "CHAIN", COLUMN_LEFT }, { "SOURCE", COLUMN_PATH }, { "FAILURE", COLUMN_CUTTABLE }, { 0 }
	};
	struct table *t = table_new(columns);
	json_t **all = sorted(get(hosts, "hosts"));

	for (json_t **h = all; *h; h++) {
		table_add(t, unit_text(get(*h, "name")));
		table_add(t, unit_text(get(*h, "key")));
		table_add(t, date(get(*h, "not_after")));
		table_add(t, unit_text(get(*h, "days_left")));
		table_add(t, unit_text(get(*h, "certificates")));
		table_add(t, unit_text(get(*h, "chain_state")));
		table_add(t, unit_text(get(*h, "source")));
		table_add(t, fetch_text(get(*h, "failure")));
	}
	free(all);
	print_and_free(t);
}

/* "good until 2030-01-01 12:00", or what is wrong with it. Free the result. */
static char *staple(const json_t *certificate)
{
	const json_t *s = get(certificate, "staple");
	const char *state = json_string_value(get(s, "state")), *error = json_string_value(get(s, "error"));
	char until[48] = "", tried[320] = "", text[512];
	time_t end = (time_t)json_integer_value(get(s, "next_update"));
	struct tm tm;

	if (!state)
		return unit_safe("-");
	if (end > 0 && gmtime_r(&end, &tm))
		strftime(until, sizeof until, " until %Y-%m-%d %H:%M", &tm);
	if (json_is_true(get(s, "running")))
		snprintf(tried, sizeof tried, " (being fetched)");
	else if (error && json_is_null(get(s, "next")))
		snprintf(tried, sizeof tried, " (%s)", error);
	else if (error)
		snprintf(tried, sizeof tried, " (%s; next try in %lld s)", error, (long long)json_integer_value(get(s, "next_in")));
	snprintf(text, sizeof text, "%s%s%s%s", state, json_is_true(get(s, "must")) ? " (must)" : "", until, tried);
	return unit_safe(text);
}

static void certificates_table(const json_t *list)
{
	static const struct column columns[] = {
		{ "KEY", COLUMN_LEFT }, { "BEGINS", COLUMN_LEFT }, { "ENDS", COLUMN_LEFT }, { "DAYS", COLUMN_RIGHT },
		{ "CHAIN", COLUMN_LEFT }, { "SOURCE", COLUMN_PATH }, { "STAPLE", COLUMN_CUTTABLE }, { 0 }
	};
	struct table *t = table_new(columns);
	size_t i;
	json_t *c;

	json_array_foreach((json_t *)list, i, c) {
		table_add(t, unit_text(get(c, "key")));
		table_add(t, date(get(c, "not_before")));
		table_add(t, date(get(c, "not_after")));
		table_add(t, unit_text(get(c, "days_left")));
		table_add(t, unit_text(get(c, "chain_state")));
		table_add(t, unit_text(get(c, "source")));
		table_add(t, staple(c));
	}
	putchar('\n');
	print_and_free(t);
}

/* "CN=Middle (store), CN=Top (file)"; who is missing, if somebody is. Free the result. */
static char *links(const json_t *certificate)
{
	char text[1024] = "";
	size_t i, used = 0;
	json_t *l;

	json_array_foreach((json_t *)get(certificate, "links"), i, l) {
		const char *name = json_string_value(get(l, "name")), *source = json_string_value(get(l, "source"));
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%s (%s)", i ? ", " : "", name ? name : "?", source ? source : "?");
		if (used >= sizeof text)
			break;
	}
	return unit_safe(*text ? text : "-");
}

char *fetch_text(const json_t *fetch)
{
	const char *error = json_string_value(get(fetch, "error"));
	json_int_t next = json_integer_value(get(fetch, "next_in"));
	char text[400] = "-";

	if (json_is_true(get(fetch, "running")))
		snprintf(text, sizeof text, "on its way");
	else if (error && *error)
		snprintf(text, sizeof text, "%s (%lld failures; next try in %lld s)", error,
			(long long)json_integer_value(get(fetch, "failures")), (long long)next);
	else if (json_is_object(fetch))
		snprintf(text, sizeof text, "waits");
	return unit_safe(text);
}

static char *missing(const json_t *certificate)
{
	const char *who = json_string_value(get(certificate, "missing")), *url = json_string_value(get(certificate, "url"));
	const json_t *fetch = get(certificate, "fetch");
	const char *error = json_string_value(get(fetch, "error"));
	json_int_t next = json_integer_value(get(fetch, "next_in"));
	char text[2500], tried[320] = "";

	if (!who)
		return unit_safe("-");
	if (json_is_true(get(fetch, "running")))
		snprintf(tried, sizeof tried, " (being fetched)");
	else if (error && *error)
		snprintf(tried, sizeof tried, " (%s; next try in %lld s)", error, (long long)next);
	snprintf(text, sizeof text, "%s%s%s%s", who, url ? " " : "", url ? url : "", tried);
	return unit_safe(text);
}

/* In the order of the answer: what needs a look comes first. */
void show_chains(const json_t *chains)
{
	static const struct column columns[] = {
		{ "NAME", COLUMN_CUTTABLE }, { "STATE", COLUMN_LEFT }, { "DAYS", COLUMN_RIGHT },
		{ "LINKS", COLUMN_CUTTABLE }, { "MISSING", COLUMN_CUTTABLE }, { "STAPLE", COLUMN_CUTTABLE }, { 0 }
	};
	struct table *t = table_new(columns);
	size_t i;
	json_t *c;

	json_array_foreach((json_t *)get(chains, "chains"), i, c) {
		table_add(t, unit_text(get(c, "name")));
		table_add(t, unit_text(get(c, "chain_state")));
		table_add(t, unit_text(get(c, "days_left")));
		table_add(t, links(c));
		table_add(t, missing(c));
		table_add(t, staple(c));
	}
	print_and_free(t);
}

static void fetching(const char *what, const json_t *urls)
{
	size_t i;
	json_t *url;

	json_array_foreach((json_t *)urls, i, url) {
		char *text = unit_text(url);
		printf("%s %s\n", what, text);
		free(text);
	}
}

void show_fetch(const json_t *fetch)
{
	if (json_array_size(get(fetch, "urls")) + json_array_size(get(fetch, "staples")) == 0)
		puts("nothing is missing that could be fetched");
	fetching("fetching", get(fetch, "urls"));
	fetching("fetching a staple from", get(fetch, "staples"));
}

static void line(const char *what, char *value)
{
	printf("%-16s %s\n", what, value);
	free(value);
}

/* What was put together for each certificate, in their order. */
static void chains_table(const json_t *list)
{
	static const struct column columns[] = { { "CHAIN", COLUMN_LEFT }, { "LINKS", COLUMN_CUTTABLE }, { "MISSING", COLUMN_CUTTABLE }, { 0 } };
	struct table *t = table_new(columns);
	size_t i;
	json_t *c;

	json_array_foreach((json_t *)list, i, c) {
		table_add(t, unit_text(get(c, "chain_state")));
		table_add(t, links(c));
		table_add(t, missing(c));
	}
	putchar('\n');
	print_and_free(t);
}

static void ends_table(const json_t *ends)
{
	static const struct column columns[] = { { "END", COLUMN_LEFT }, { "COUNT", COLUMN_RIGHT }, { 0 } };
	struct table *t;
	const char *name;
	json_t *v;

	if (json_object_size(ends) == 0)
		return;
	t = table_new(columns);
	json_object_foreach((json_t *)ends, name, v) {
		table_add(t, unit_safe(name));
		table_add(t, unit_count(v));
	}
	putchar('\n');
	print_and_free(t);
}

void show_host(const json_t *host)
{
	line("name", unit_text(get(host, "name")));
	if (json_is_true(get(host, "listed")))
		line("order", fetch_text(get(host, "order")));
	line("connections", unit_count(get(host, "connections")));
	line("refusals", unit_count(get(host, "refusals")));
	const json_t *certificates = get(host, "certificates");
	if (json_array_size(certificates) > 0) {
		certificates_table(certificates);
		chains_table(certificates);
	} else {
		line("certificates", unit_safe("none covers this name"));
	}
	ends_table(get(host, "ended"));
}

/* All on one line, as they would be written. */
static char *joined(const json_t *list)
{
	char text[512] = "";
	size_t i, used = 0;
	json_t *v;

	json_array_foreach((json_t *)list, i, v) {
		const char *one = json_string_value(v);
		int n = snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? " " : "", one ? one : "?");
		if (n < 0 || (size_t)n >= sizeof text - used)
			break;
		used += (size_t)n;
	}
	return unit_safe(used > 0 ? text : "none known");
}

void show_backends(const json_t *backends)
{
	static const struct column columns[] = {
		{ "BACKEND", COLUMN_CUTTABLE }, { "SERVER", COLUMN_CUTTABLE }, { "CONNECTS", COLUMN_RIGHT },
		{ "FAILURES", COLUMN_RIGHT }, { "RESTS", COLUMN_RIGHT }, { "ADDRESSES", COLUMN_CUTTABLE }, { 0 }
	};
	struct table *t = table_new(columns);
	size_t i, k;
	json_t *b, *s;

	json_array_foreach((json_t *)get(backends, "backends"), i, b) {
		json_array_foreach((json_t *)get(b, "servers"), k, s) {
			table_add(t, unit_text(get(b, "name")));
			table_add(t, unit_text(get(s, "server")));
			table_add(t, unit_count(get(s, "connects")));
			table_add(t, unit_count(get(s, "failures")));
			table_add(t, json_integer_value(get(s, "rests_ms")) > 0 ? unit_ms(get(s, "rests_ms")) : unit_safe("-"));
			table_add(t, joined(get(s, "addresses")));
		}
	}
	print_and_free(t);
}
