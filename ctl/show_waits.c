/* SPDX-License-Identifier: BSD-2-Clause */
/* Table of the names that connections are held for. */
#include <stdio.h>

#include "ctl/show.h"
#include "ctl/table.h"
#include "ctl/units.h"

void show_waits(const json_t *answer)
{
	static const struct column columns[] = {
		{ "NAME", COLUMN_CUTTABLE }, { "HELD", COLUMN_RIGHT }, { "OLDEST", COLUMN_RIGHT }, { "ORDER", COLUMN_CUTTABLE }, { 0 }
	};
	const json_t *list = json_object_get(answer, "waits");
	struct table *t;
	size_t i;
	json_t *w;

	if (json_array_size(list) == 0) {
		puts("No connection is held.");
		return;
	}
	t = table_new(columns);
	json_array_foreach((json_t *)list, i, w) {
		table_add(t, unit_text(json_object_get(w, "name")));
		table_add(t, unit_text(json_object_get(w, "held")));
		table_add(t, unit_ms(json_object_get(w, "oldest_ms")));
		table_add(t, fetch_text(json_object_get(w, "order")));
	}
	table_print(t, stdout, table_terminal_width(stdout));
	table_free(t);
}
