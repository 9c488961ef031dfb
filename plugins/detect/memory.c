/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory over the limit; or memory that grew all the time, by much, and more
 * than the connections that came explain.
 */
#include "plugins/detect/series.h"

#define WINDOW_S 300.0
#define PARTS 5			/* of the window; the least of each is above the least of the one before */
#define GROWTH_BYTES ((double)(128 << 20))	/* twice what peers that read slowly may cost by default */
#define STEP_BYTES ((double)(4 << 20))
#define CONNECTION_BYTES ((double)(128 << 10))	/* that one more of them may cost */

static double least_of(struct series s, int part, double *connections)
{
	double span = series_seconds(s) / PARTS, least = -1;

	*connections = 0;
	for (size_t i = 0; i < s.n; i++) {
		const struct sample *at = &s.samples[i];
		int in = (int)((double)(at->at_ns - series_first(s)->at_ns) / 1e9 / span);
		if ((in < PARTS ? in : PARTS - 1) != part)
			continue;
		if (least < 0 || (double)at->rss_bytes < least)
			least = (double)at->rss_bytes;
		if ((double)at->connections > *connections)
			*connections = (double)at->connections;
	}
	return least;
}

static void look_at_growth(struct series s, struct verdict *v)
{
	double first, last, connections_first, connections_last;

	first = last = least_of(s, 0, &connections_first);
	connections_last = connections_first;
	for (int part = 1; part < PARTS; part++) {
		double least = least_of(s, part, &connections_last);
		if (least < last + STEP_BYTES)
			return;
		last = least;
	}
	double more = connections_last > connections_first ? connections_last - connections_first : 0;
	double grown = last - first - CONNECTION_BYTES * more;
	if (grown >= GROWTH_BYTES && grown >= first / 2)
		verdict_set(v, VERDICT_MEMORY, series_first(s)->at_ns, "rss=%.0fMiB rss_before=%.0fMiB in=%.3gs connections=%.0f "
			"connections_before=%.0f", last / 1048576, first / 1048576, series_seconds(s), connections_last, connections_first);
}

static uint64_t over_since(const struct detect_limits *limits, struct series s)
{
	size_t i = s.n;

	while (i > 1 && s.samples[i - 2].rss_bytes > limits->memory_limit_bytes)
		i--;
	return s.samples[i - 1].at_ns;
}

static void look(const struct detect_limits *limits, const struct sample *samples, size_t n, struct verdict *v)
{
	struct series all = { samples, n };

	if (n == 0)
		return;
	const struct sample *last = series_last(all);
	if (limits->memory_limit_bytes > 0 && last->rss_bytes > limits->memory_limit_bytes) {
		verdict_set(v, VERDICT_MEMORY, over_since(limits, all), "rss=%.0fMiB limit=%.0fMiB connections=%llu",
			(double)last->rss_bytes / 1048576, (double)limits->memory_limit_bytes / 1048576, (unsigned long long)last->connections);
		return;
	}
	struct series s = series_window(series_since_gap(limits, samples, n), WINDOW_S);
	if (s.n >= 2 * PARTS)
		look_at_growth(s, v);
}

const struct detect_ops detect_memory = { .name = "memory", .version = DETECT_VERSION, .look = look };
