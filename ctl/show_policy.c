/* SPDX-License-Identifier: BSD-2-Clause */
/* What a policy would decide, and what its scripts have done. */
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

#define INDENT 13

/* Wraps at the spaces of text, where there is a terminal. */
static void print_wrapped(const char *text)
{
	int width = table_terminal_width(stdout), used = INDENT;

	for (int gap = 0; *text; ) {
		size_t n = strcspn(text, " ");
		char *word = strndup(text, n);
		int w = word ? unit_width(word) : 0;
		if (width > 0 && used > INDENT && used + gap + w > width) {
			printf("\n%*s", INDENT, "");
			used = INDENT;
			gap = 0;
		}
		printf("%*s%s", gap, "", word ? word : "");
		free(word);
		used += gap + w;
		text += n;
		gap = (int)strspn(text, " ");
		text += gap;
	}
	putchar('\n');
}

/* Takes text. */
static void line(const char *label, char *text, const json_t *where)
{
	char *decided = unit_text(where), *all = NULL;

	printf("%-*s", INDENT, label);
	if (json_is_string(where) && asprintf(&all, "%s   (%s)", text, decided) < 0)
		all = NULL;
	print_wrapped(all ? all : text);
	free(all);
	free(text);
	free(decided);
}

static void show_allow(const json_t *allow)
{
	char *alert = unit_text(get(allow, "alert_name")), *text;

	if (json_is_true(get(allow, "allowed")))
		text = unit_safe("yes");
	else if (asprintf(&text, "no, alert %s", alert) < 0)
		text = unit_safe("no");
	line("allow", text, get(allow, "where"));
	free(alert);
}

static void show_seconds(const json_t *timeouts)
{
	char text[512] = "";
	const char *name;
	size_t n = 0;
	json_t *v;

	json_object_foreach((json_t *)get(timeouts, "seconds"), name, v)
		if (n < sizeof text)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s%s=%.10g", n ? " " : "", name, json_number_value(v));
	line("timeouts", unit_safe(text), get(timeouts, "where"));
}

static void show_route(const json_t *route)
{
	bool unknown = json_is_false(get(route, "known"));
	char *name = unit_text(get(route, "backend")), *text;
	size_t i;
	json_t *server;

	if (asprintf(&text, "%s%s", name, unknown ? ": there is no such backend; the connection would end" : "") < 0)
		text = unit_safe("");
	line("backend", text, get(route, "where"));
	json_array_foreach((json_t *)get(route, "servers"), i, server)
		line(i ? "" : "servers", unit_text(server), NULL);
	free(name);
}

static void show_certificate(const json_t *c)
{
	char until[32] = "-", *text, *file = unit_text(get(c, "file")), *state = unit_text(get(c, "state"));
	char *chain = unit_text(get(c, "chain_state"));
	time_t t = (time_t)json_integer_value(get(c, "not_after"));
	struct tm tm;

	if (gmtime_r(&t, &tm))
		strftime(until, sizeof until, "%Y-%m-%d %H:%M UTC", &tm);
	if (!json_is_object(c))
		text = unit_safe("none covers the name");
	else if (asprintf(&text, "%s, %s, until %s, chain %s", file, state, until, chain) < 0)
		text = unit_safe("");
	line("certificate", text, NULL);
	free(file);
	free(state);
	free(chain);
}

static void show_links(const json_t *c)
{
	char *url = json_is_string(get(c, "url")) ? unit_text(get(c, "url")) : unit_safe("no certificate says where it may be had");
	char *missing = unit_text(get(c, "missing")), *text;
	size_t i;
	json_t *link;

	json_array_foreach((json_t *)get(c, "links"), i, link)
		line(i ? "" : "links", unit_text(link), NULL);
	if (json_is_string(get(c, "missing")))
		line("missing", asprintf(&text, "%s: %s", missing, url) < 0 ? unit_safe("") : text, NULL);
	free(missing);
	free(url);
}

void show_explain(const json_t *e)
{
	size_t i;
	json_t *problem;

	line("host", json_is_null(get(e, "host")) ? unit_safe("(no name)") : unit_text(get(e, "host")), NULL);
	line("from", unit_text(get(e, "from")), NULL);
	line("listener", unit_text(get(e, "listener")), NULL);
	show_allow(get(e, "allow"));
	show_seconds(get(e, "timeouts"));
	line("chain", unit_text(get(get(e, "chain"), "sources")), get(get(e, "chain"), "where"));
	show_certificate(get(e, "certificate"));
	show_links(get(e, "certificate"));
	show_route(get(e, "route"));
	json_array_foreach((json_t *)get(e, "problems"), i, problem)
		line("problem", unit_text(problem), NULL);
}

static void show_scripts(const json_t *scripts)
{
	static const struct column columns[] = {
		{ "SCRIPT", COLUMN_PATH }, { "ANSWERED", COLUMN_RIGHT }, { "NO OPINION", COLUMN_RIGHT }, { "ERRORS", COLUMN_RIGHT },
		{ "BUDGET", COLUMN_RIGHT }, { "MEMORY", COLUMN_RIGHT }, { 0 }
	};
	static const char *const counts[] = { "answered", "no_opinion", "errors", "out_of_budget", "out_of_memory" };
	struct table *t = table_new(columns);
	size_t i;
	json_t *s;

	json_array_foreach((json_t *)scripts, i, s) {
		table_add(t, unit_text(get(s, "file")));
		for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++)
			table_add(t, unit_count(get(s, counts[k])));
	}
	table_print(t, stdout, table_terminal_width(stdout));
	table_free(t);
	json_array_foreach((json_t *)scripts, i, s)
		if (json_is_string(get(s, "last_error")))
			line("last error", unit_text(get(s, "last_error")), NULL);
}

static void show_sets(const json_t *sets)
{
	static const struct column columns[] = { { "HOST SET", COLUMN_CUTTABLE }, { "NAMES", COLUMN_RIGHT }, { "FILE", COLUMN_PATH }, { 0 } };
	struct table *t = table_new(columns);
	size_t i;
	json_t *s;

	json_array_foreach((json_t *)sets, i, s) {
		table_add(t, unit_text(get(s, "name")));
		table_add(t, unit_text(get(s, "names")));
		table_add(t, unit_text(get(s, "file")));
	}
	table_print(t, stdout, table_terminal_width(stdout));
	table_free(t);
}

void show_policies(const json_t *p)
{
	if (!json_is_string(get(p, "folder"))) {
		puts("no scripts: the configuration alone decides");
		return;
	}
	show_scripts(get(p, "scripts"));
	if (json_array_size(get(p, "host_sets")) > 0) {
		putchar('\n');
		show_sets(get(p, "host_sets"));
	}
}
