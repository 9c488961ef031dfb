/* SPDX-License-Identifier: BSD-2-Clause */
/* Metrics in the text format of Prometheus (prometheus.io, exposition formats, 0.0.4). */
#include <stdio.h>
#include <stdlib.h>

#include "ctl/show.h"
#include "ctl/units.h"

/* quoted: a label's value, in which a quote is escaped, too. */
static void print_escaped(const json_t *v, bool quoted)
{
	char *text = unit_text(v);

	for (const char *p = text; *p; p++) {
		if (*p == '\\' || (quoted && *p == '"'))
			putchar('\\');
		putchar(*p);
	}
	free(text);
}

static void print_labels(const json_t *labels)
{
	const char *name, *before = "{";
	json_t *v;

	json_object_foreach((json_t *)labels, name, v) {
		char *safe = unit_safe(name);
		printf("%s%s=\"", before, safe);
		free(safe);
		print_escaped(v, true);
		putchar('"');
		before = ",";
	}
	if (json_object_size(labels) > 0)
		putchar('}');
}

static void print_sample(const char *name, const json_t *sample)
{
	const json_t *v = json_object_get(sample, "value");

	fputs(name, stdout);
	print_labels(json_object_get(sample, "labels"));
	if (json_is_integer(v))
		printf(" %lld\n", (long long)json_integer_value(v));
	else
		printf(" %.3f\n", json_number_value(v));
}

void show_metrics(const json_t *metrics)
{
	size_t i, k;
	json_t *m, *s;

	json_array_foreach((json_t *)json_object_get(metrics, "metrics"), i, m) {
		char *name = unit_text(json_object_get(m, "name")), *type = unit_text(json_object_get(m, "type"));
		printf("# HELP %s ", name);
		print_escaped(json_object_get(m, "help"), false);
		printf("\n# TYPE %s %s\n", name, type);
		json_array_foreach(json_object_get(m, "samples"), k, s)
			print_sample(name, s);
		free(name);
		free(type);
	}
}
