/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors of a process as tables. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void show_groups(const json_t *groups)
{
	static const struct column columns[] = { { "COUNT", COLUMN_RIGHT }, { "KIND", COLUMN_LEFT }, { "STATE", COLUMN_LEFT },
		{ "OWNER", COLUMN_LEFT }, { "UNREAD", COLUMN_RIGHT }, { "UNSENT", COLUMN_RIGHT }, { 0 } };
	struct table *t = table_new(columns);
	size_t i;
	json_t *g;

	json_array_foreach((json_t *)groups, i, g) {
		table_add(t, unit_text(get(g, "descriptors")));
		table_add(t, unit_text(get(g, "kind")));
		table_add(t, unit_text(get(g, "state")));
		table_add(t, unit_text(get(g, "owner")));
		table_add(t, unit_bytes(get(g, "recv_queue")));
		table_add(t, unit_bytes(get(g, "send_queue")));
	}
	print_and_free(t);
}

/* "1099511627777 client"; "nobody" as it stands, so that it can be searched for. */
static char *owner_of(const json_t *fd)
{
	const json_t *of = get(fd, "of");
	char *id, *side, *text;

	if (!json_is_object(of) && get(fd, "same_as")) {
		char *owner = unit_text(get(fd, "owner")), *other = unit_text(get(fd, "same_as"));
		if (asprintf(&text, "%s (as %s)", owner, other) < 0)
			text = unit_safe("");
		free(owner);
		free(other);
		return text;
	}
	if (!json_is_object(of))
		return unit_text(get(fd, "owner"));
	id = unit_text(get(of, "connection"));
	side = unit_text(get(of, "side"));
	if (asprintf(&text, "%s %s%s", id, side, json_is_true(get(of, "torn")) ? "!" : "") < 0)
		text = unit_safe("");
	free(id);
	free(side);
	return text;
}

static void row(struct table *t, const json_t *fd)
{
	const json_t *of = get(fd, "of"), *idle = get(fd, "idle_ms");

	table_add(t, unit_text(get(fd, "fd")));
	table_add(t, unit_text(get(fd, "kind")));
	table_add(t, unit_text(get(fd, "state")));
	table_add(t, unit_bytes(get(fd, "recv_queue")));
	table_add(t, unit_bytes(get(fd, "send_queue")));
	table_add(t, unit_ms(get(of, "age_ms")));
	table_add(t, unit_ms(idle ? idle : get(of, "idle_ms")));
	table_add(t, owner_of(fd));
	table_add(t, unit_text(get(of, "phase")));
	table_add(t, unit_text(get(fd, "link") ? get(fd, "link") : get(fd, "peer") && !json_is_null(get(fd, "peer")) ? get(fd, "peer") : get(fd, "local")));
	table_add(t, unit_text(get(of, "sni")));
}

static void show_list(const json_t *list, bool of_nobody)
{
	static const struct column columns[] = { { "FD", COLUMN_RIGHT }, { "KIND", COLUMN_LEFT }, { "STATE", COLUMN_LEFT },
		{ "UNREAD", COLUMN_RIGHT }, { "UNSENT", COLUMN_RIGHT }, { "AGE", COLUMN_RIGHT_OPTIONAL }, { "IDLE", COLUMN_RIGHT_OPTIONAL },
		{ "OWNER", COLUMN_LEFT }, { "PHASE", COLUMN_CUTTABLE_OPTIONAL }, { "PEER", COLUMN_CUTTABLE }, { "SNI", COLUMN_CUTTABLE_OPTIONAL }, { 0 } };
	struct table *t = table_new(columns);
	size_t i;
	json_t *fd;

	json_array_foreach((json_t *)list, i, fd) {
		const char *owner = json_string_value(get(fd, "owner"));
		if (!of_nobody || (owner && strcmp(owner, "nobody") == 0))
			row(t, fd);
	}
	print_and_free(t);
}

void show_descriptors_part(const json_t *d, bool of_nobody)
{
	long long nobody = json_integer_value(get(d, "of_nobody")), unlisted = json_integer_value(get(d, "unlisted"));

	show_groups(get(d, "groups"));
	if (nobody > 0 || !of_nobody) {
		putchar('\n');
		show_list(get(d, "list"), of_nobody);
	}
	if (unlisted > 0)
		printf("and %lld more\n", unlisted);
	if (nobody > 0)
		printf("\n%lld of %lld descriptors belong to nobody: the process holds them, and neither a connection nor it itself accounts for them\n",
			nobody, (long long)json_integer_value(get(d, "open")));
}

void show_descriptors(const json_t *answer)
{
	size_t i;
	json_t *v;

	if (json_is_object(get(answer, "descriptors")))
		show_descriptors_part(get(answer, "descriptors"), false);
	json_array_foreach((json_t *)get(answer, "missing"), i, v) {
		char *text = unit_text(v);
		printf("missing: %s\n", text);
		free(text);
	}
}
