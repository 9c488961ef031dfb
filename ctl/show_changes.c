/* SPDX-License-Identifier: BSD-2-Clause */
/* What came of a command that changes something, in a sentence. */
#include <stdio.h>
#include <stdlib.h>

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

void show_close(const json_t *r)
{
	say("connection ", unit_text(json_object_get(r, "id")), " of worker ", unit_text(json_object_get(r, "worker")), " is ended");
}

void show_log_level(const json_t *r)
{
	say("the log level is ", unit_text(json_object_get(r, "level")), "; it was ", unit_text(json_object_get(r, "was")), "");
}
