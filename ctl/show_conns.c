/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of connections: those that live, and those that have ended. */
#include <stdio.h>
#include <stdlib.h>

#include "ctl/show.h"
#include "ctl/table.h"
#include "ctl/units.h"

/* Marks a record that its writer never finished. */
static char *marked(const json_t *c, const char *key)
{
	char *text = unit_text(json_object_get(c, key)), *out;

	if (!json_is_true(json_object_get(c, "torn")))
		return text;
	if (asprintf(&out, "%s!", text) < 0)
		return text;
	free(text);
	return out;
}

static void add_text(struct table *t, const json_t *c, const char *key)
{
	table_add(t, unit_text(json_object_get(c, key)));
}

static void add_bytes(struct table *t, const json_t *c)
{
	table_add(t, unit_bytes(json_object_get(c, "bytes_up")));
	table_add(t, unit_bytes(json_object_get(c, "bytes_down")));
}

/* Which deadline comes next, and when. */
static char *next_end(const json_t *c)
{
	char *name = unit_text(json_object_get(c, "deadline")), *in = unit_ms(json_object_get(c, "deadline_in_ms")), *out;

	if (!json_is_string(json_object_get(c, "deadline")) || asprintf(&out, "%s %s", in, name) < 0)
		out = unit_safe("-");
	free(name);
	free(in);
	return out;
}

static void live_row(struct table *t, const json_t *c)
{
	add_text(t, c, "id");
	table_add(t, marked(c, "phase"));
	table_add(t, unit_ms(json_object_get(c, "age_ms")));
	add_text(t, c, "peer");
	add_text(t, c, "sni");
	add_text(t, c, "backend");
	add_bytes(t, c);
	table_add(t, unit_ms(json_object_get(c, "idle_ms")));
	table_add(t, next_end(c));
}

static void ended_row(struct table *t, const json_t *c)
{
	add_text(t, c, "id");
	table_add(t, marked(c, "end"));
	table_add(t, unit_ms(json_object_get(c, "ended_ms_ago")));
	table_add(t, unit_ms(json_object_get(c, "duration_ms")));
	add_text(t, c, "peer");
	add_text(t, c, "sni");
	add_text(t, c, "backend");
	add_bytes(t, c);
}

void show_connections(const json_t *connections, bool ended)
{
	static const struct column live[] = {
		{ "ID", COLUMN_RIGHT }, { "PHASE", COLUMN_LEFT }, { "AGE", COLUMN_RIGHT },
		{ "PEER", COLUMN_CUTTABLE }, { "SNI", COLUMN_CUTTABLE }, { "BACKEND", COLUMN_CUTTABLE },
		{ "UP", COLUMN_RIGHT_OPTIONAL }, { "DOWN", COLUMN_RIGHT_OPTIONAL }, { "IDLE", COLUMN_RIGHT },
		{ "NEXT END", COLUMN_CUTTABLE }, { 0 }
	};
	static const struct column gone[] = {
		{ "ID", COLUMN_RIGHT }, { "END", COLUMN_LEFT }, { "AGO", COLUMN_RIGHT },
		{ "LASTED", COLUMN_RIGHT }, { "PEER", COLUMN_CUTTABLE }, { "SNI", COLUMN_CUTTABLE },
		{ "BACKEND", COLUMN_CUTTABLE_OPTIONAL }, { "UP", COLUMN_RIGHT_OPTIONAL }, { "DOWN", COLUMN_RIGHT_OPTIONAL }, { 0 }
	};
	struct table *t = table_new(ended ? gone : live);
	bool torn = false;
	size_t i;
	json_t *c;

	json_array_foreach((json_t *)json_object_get(connections, "connections"), i, c) {
		if (ended)
			ended_row(t, c);
		else
			live_row(t, c);
		torn |= json_is_true(json_object_get(c, "torn"));
	}
	table_print(t, stdout, table_terminal_width(stdout));
	table_free(t);
	if (torn)
		puts("! the worker did not finish writing this record: it is a suspect if the worker has died or hangs");
}
