/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/witness/report.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workers/witness/missing.h"

#define INDENT JSON_INDENT(1)

/* Lists that may be cut: what they are a member of, and their name. */
static const struct { const char *part, *list; } lists[] = {
	{ "descriptors", "list" }, { "connections", "list" }, { "profile", "stacks" }, { "connections", "restless" },
	{ NULL, "samples" }, { NULL, "steps" }, { NULL, "missing" },
};
#define LISTS (sizeof lists / sizeof lists[0])

static json_t *list_at(json_t *report, size_t i)
{
	return json_object_get(lists[i].part ? json_object_get(report, lists[i].part) : report, lists[i].list);
}

static size_t bytes_of(const json_t *v)
{
	return json_dumpb(v, NULL, 0, INDENT);
}

/* The one that takes most, if it can lose anything. */
static json_t *longest(json_t *report, size_t *which)
{
	json_t *found = NULL;
	size_t most = 0;

	for (size_t i = 0; i < LISTS; i++) {
		json_t *l = list_at(report, i);
		size_t n = json_array_size(l) > 1 ? bytes_of(l) : 0;
		if (n > most) {
			most = n;
			found = l;
			*which = i;
		}
	}
	return found;
}

static void halve(json_t *list)
{
	size_t keep = json_array_size(list) / 2;

	while (json_array_size(list) > keep)
		json_array_remove(list, json_array_size(list) - 1);
}

static void cut(json_t *report, size_t max)
{
	bool said[LISTS] = { false };
	json_t *list;
	size_t which;

	while (bytes_of(report) + 1 > max && (list = longest(report, &which))) {
		char text[64];
		snprintf(text, sizeof text, "the end of %s", lists[which].part ? lists[which].part : lists[which].list);
		halve(list);
		if (!said[which])
			missing_add(report, text, "the report would be too large");
		said[which] = true;
	}
}

char *report_text(json_t *report, size_t max)
{
	cut(report, max);
	char *text = json_dumps(report, INDENT), *line = NULL;

	if (text && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	free(text);
	return line;
}
