/* SPDX-License-Identifier: BSD-2-Clause */
/* What came of a command that changes something, in a sentence. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/show.h"
#include "ctl/units.h"

static void say(const char *first, char *a, const char *between, char *b, const char *last)
{
	printf("%s%s%s%s%s\n", first, a, between, b, last);
	free(a);
	free(b);
}

void show_drain(const json_t *drain)
{
	const json_t *list = json_object_get(drain, "draining");
	size_t i;
	json_t *w;

	json_array_foreach((json_t *)list, i, w)
		say("worker ", unit_text(w), " takes no more connections and ends with its last, or after ",
			unit_ms(json_object_get(drain, "drain_ms")), "");
	if (json_array_size(list) == 0)
		puts("no worker takes connections");
}

void show_replace(const json_t *r)
{
	say("worker ", unit_text(json_object_get(r, "successor")), " is ready in the place of worker ",
		unit_text(json_object_get(r, "worker")), ", which drains");
}

/* "certificates 2, were 1", for what is not as it was. */
static void show_counts(const json_t *counts)
{
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)counts, name, v) {
		const json_t *before = json_object_get(v, "before"), *now = json_object_get(v, "now");
		char *safe = unit_safe(name);
		if (!json_equal(before, now)) {
			printf("%s: ", safe);
			say("", unit_count(now), ", before ", unit_count(before), "");
		}
		free(safe);
	}
}

static void show_change(const json_t *c)
{
	const json_t *old = json_object_get(c, "old"), *new = json_object_get(c, "new");
	char *path = unit_text(json_object_get(c, "path"));

	printf("%s: ", path);
	say("", json_is_null(new) ? strdup("removed") : unit_text(new), json_is_null(old) ? "" : ", before ",
		json_is_null(old) ? strdup("") : unit_text(old), "");
	free(path);
}

void show_reload(const json_t *r)
{
	const json_t *changes = json_object_get(r, "changes");
	json_t *one;
	size_t i;

	json_array_foreach((json_t *)changes, i, one)
		show_change(one);
	show_counts(json_object_get(r, "counts"));
	json_array_foreach(json_object_get(r, "warnings"), i, one) {
		char *text = unit_text(one);
		fprintf(stderr, "tlswardctl: warning: %s\n", text);
		free(text);
	}
	say("reloaded as generation ", unit_text(json_object_get(r, "generation")), ", ",
		unit_text(json_object_get(r, "effect")), "");
}

void show_close(const json_t *r)
{
	say("connection ", unit_text(json_object_get(r, "id")), " of worker ", unit_text(json_object_get(r, "worker")), " is ended");
}

void show_log_level(const json_t *r)
{
	say("the log level is ", unit_text(json_object_get(r, "level")), "; it was ", unit_text(json_object_get(r, "was")), "");
}
