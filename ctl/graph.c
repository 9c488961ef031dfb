/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/graph.h"

#include <langinfo.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/units.h"

#define LEVELS 8
#define POINTS_MAX 200
#define BESIDE 40		/* columns that a line needs for what is not graph */
#define WIDTH_WITHOUT_TERMINAL 100

struct row {
	const char *title, *key;
	char *(*text)(const json_t *v);
	double full;		/* what the top is; 0: the most that there was */
};

static char *percent(const json_t *v)
{
	char text[32];

	snprintf(text, sizeof text, "%.10g%%", json_number_value(v) / 10);
	return unit_safe(text);
}

static const struct row rows[] = {
	{ "cpu", "cpu_permille", percent, 1000 },
	{ "waited for cpu", "waited_for_cpu_permille", percent, 1000 },
	{ "descriptors", "descriptors", unit_count, 0 },
	{ "accounted for", "descriptors_known", unit_count, 0 },
	{ "memory", "memory_bytes", unit_bytes, 0 },
	{ "connections", "connections", unit_count, 0 },
	{ "wakeups/s", "wakeups_per_s", unit_count, 0 },
	{ "spurious/s", "spurious_wakeups_per_s", unit_count, 0 },
	{ "handshakes/s", "handshakes_per_s", unit_count, 0 },
	{ "bytes/s", "bytes_per_s", unit_bytes, 0 },
};

static const char *mark(int level)
{
	static const char *const blocks[] = { " ", "\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83", "\xe2\x96\x84",
		"\xe2\x96\x85", "\xe2\x96\x86", "\xe2\x96\x87", "\xe2\x96\x88" };
	static const char *const plain[] = { " ", "_", ".", "-", "=", "+", "*", "%", "#" };

	return (strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? blocks : plain)[level];
}

/* Each point is the most of the samples that it stands for: a peak is never lost. */
static int make_points(const json_t *series, double *points, int room)
{
	size_t n = json_array_size(series), points_n = n < (size_t)room ? n : (size_t)room;

	for (size_t p = 0; p < points_n; p++) {
		points[p] = 0;
		for (size_t i = p * n / points_n; i < (p + 1) * n / points_n; i++) {
			double v = json_number_value(json_array_get(series, i));
			points[p] = v > points[p] ? v : points[p];
		}
	}
	return (int)points_n;
}

/* The least and the most, as they stand in the series. */
static void bounds(const json_t *series, const json_t **least, const json_t **most)
{
	size_t i;
	json_t *v;

	*least = *most = json_array_get(series, 0);
	json_array_foreach((json_t *)series, i, v) {
		if (json_number_value(v) < json_number_value(*least))
			*least = v;
		if (json_number_value(v) > json_number_value(*most))
			*most = v;
	}
}

/* From 0, unless all of it is far from there: then a change would not be seen. */
static double bottom_of(const struct row *row, double least, double most)
{
	return row->full == 0 && least > most / 2 && most > least ? least - (most - least) : 0;
}

static void draw(const struct row *row, const json_t *series, int room)
{
	double points[POINTS_MAX];
	const json_t *least, *most;
	int n = make_points(series, points, room);

	bounds(series, &least, &most);
	double low = json_number_value(least), high = json_number_value(most), bottom = bottom_of(row, low, high);
	double top = row->full > 0 ? row->full : high;
	char *from = row->text(least), *to = row->text(most);

	printf("%-14s %8s..%-8s %*s", row->title, from, to, room - n, "");
	for (int i = 0; i < n; i++) {
		double share = top > bottom ? (points[i] - bottom) / (top - bottom) : 0;
		int level = (int)(share * LEVELS + .999);
		fputs(mark(level < 0 ? 0 : level > LEVELS ? LEVELS : level), stdout);
	}
	putchar('\n');
	free(from);
	free(to);
}

void graph_samples(const json_t *samples, int width)
{
	const json_t *ages = json_object_get(samples, "ms_ago");
	int room = (width > 0 ? width : WIDTH_WITHOUT_TERMINAL) - BESIDE;

	if (json_array_size(ages) < 2)
		return;
	room = room < 10 ? 10 : room > POINTS_MAX ? POINTS_MAX : room;
	char *oldest = unit_ms(json_array_get(ages, 0));
	printf("\nthe last %s, now at the right:\n", oldest);
	free(oldest);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const json_t *series = json_object_get(samples, rows[i].key);
		if (json_array_size(series) > 0)
			draw(&rows[i], series, room);
	}
}
