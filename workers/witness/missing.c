/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/witness/missing.h"

#include <stdio.h>

#include "common/json_text.h"

#define LINE_BYTES 512

static json_t *list_of(json_t *o)
{
	json_t *list = json_object_get(o, "missing");

	if (json_is_array(list))
		return list;
	json_object_set_new(o, "missing", json_array());
	return json_object_get(o, "missing");
}

void missing_add(json_t *o, const char *what, const char *why)
{
	char text[LINE_BYTES];

	snprintf(text, sizeof text, "%s%s%s", what, *what ? ": " : "", why);
	json_array_append_new(list_of(o), json_text(text));
}

void missing_move(json_t *report, json_t *part)
{
	json_array_extend(list_of(report), json_object_get(part, "missing"));
	json_object_del(part, "missing");
}

void missing_line(const json_t *report, char *text, size_t size)
{
	size_t i, n = 0;
	json_t *v;

	text[0] = '\0';
	json_array_foreach(json_object_get(report, "missing"), i, v) {
		const char *one = json_string_value(v);
		if (one && n < size)
			n += (size_t)snprintf(text + n, size - n, "%s%s", n > 0 ? "; " : "", one);
	}
}
