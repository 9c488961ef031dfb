/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A loop that does not turn, although the process could have run: time in
 * which it was kept waiting for a processor, or nobody looked, does not count.
 */
#include "plugins/detect/series.h"

#define SPIN_GRACE_INTERVALS 2	/* one that computes is a spin: whoever can say so gets the time to */

/* The part in which it stood still, from the last sample before on. */
static struct series still(struct series s)
{
	uint64_t beat = series_last(s)->heartbeat_ns;
	size_t from = s.n - 1;

	while (from > 0 && s.samples[from].at_ns > beat)
		from--;
	return (struct series){ s.samples + from, s.n - from };
}

static double patience(const struct detect_limits *limits, double computed, double stood)
{
	double more = computed >= limits->cpu_spin_share * stood && limits->cpu_spin_for_s <= limits->stall_after_s ?
		SPIN_GRACE_INTERVALS * limits->interval_s : 0;

	return limits->stall_after_s + more;
}

static void look(const struct detect_limits *limits, const struct sample *samples, size_t n, struct verdict *v)
{
	struct series s = series_since_gap(limits, samples, n);

	if (s.n < 2 || series_last(s)->heartbeat_ns == 0)
		return;
	const struct sample *last = series_last(s);
	if (last->waits_for_keeper && !last->stopped)
		return;
	s = still(s);
	uint64_t from = last->heartbeat_ns > series_first(s)->at_ns ? last->heartbeat_ns : series_first(s)->at_ns;
	if (from >= last->at_ns)
		return;
	double stood = (double)(last->at_ns - from) / 1e9 - series_starved(s), computed = series_computed(s);
	if (stood <= patience(limits, computed, stood))
		return;
	verdict_set(v, VERDICT_STALL, from, "heartbeat_ago=%.2fs computed=%.2fs waited_for_cpu=%.2fs stopped=%s connections=%llu "
		"after=%.3gs", (double)(last->at_ns - last->heartbeat_ns) / 1e9, computed, series_starved(s),
		last->stopped ? "yes" : "no", (unsigned long long)last->connections, limits->stall_after_s);
}

const struct detect_ops detect_stall = { .name = "stall", .version = DETECT_VERSION, .look = look };
