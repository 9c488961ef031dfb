/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPU time that no progress explains. Each piece of work may cost several
 * times what it does on a slow machine; what is left over is a spin. Full load
 * explains all of its time, however long it lasts.
 */
#include "plugins/detect/series.h"

/* The most that a piece of work may cost, in seconds of CPU time. */
#define HANDSHAKE_S 0.004
#define ACCEPT_S 0.001
#define BYTE_S 20e-9
#define WAKEUP_S 100e-6		/* one that made progress */

#define EXPLAINED_MIN 0.25	/* the share of CPU time that must be */
#define COMPUTED_MIN 0.05	/* of the window: less is a load on nobody, whatever the share is of what it could get */

static double grown(uint64_t from, uint64_t to) { return to > from ? (double)(to - from) : 0; }

static double useful(struct series s)
{
	const struct sample *a = series_first(s), *b = series_last(s);
	double wakeups = grown(a->wakeups, b->wakeups), spurious = grown(a->spurious, b->spurious);

	return wakeups > spurious ? wakeups - spurious : 0;
}

static double explained(struct series s)
{
	const struct sample *a = series_first(s), *b = series_last(s);

	return HANDSHAKE_S * grown(a->handshakes, b->handshakes) + ACCEPT_S * grown(a->accepts, b->accepts) +
		BYTE_S * grown(a->bytes, b->bytes) + WAKEUP_S * useful(s);
}

/* Of the time in which it was not kept waiting for a processor: others may compute, too. */
static double share(struct series s)
{
	double had = series_seconds(s) - series_starved(s), computed = series_computed(s);

	return had > computed ? computed / had : 1;
}

static bool spins(const struct detect_limits *limits, struct series s)
{
	double computed = series_computed(s);

	return computed >= COMPUTED_MIN * series_seconds(s) && share(s) >= limits->cpu_spin_share &&
		explained(s) < EXPLAINED_MIN * computed;
}

/* As far back as it did the same. */
static uint64_t since(const struct detect_limits *limits, struct series all, struct series s)
{
	while (s.samples > all.samples) {
		struct series longer = { s.samples - 1, 2 };
		if (!spins(limits, longer))
			break;
		s = (struct series){ s.samples - 1, s.n + 1 };
	}
	return series_first(s)->at_ns;
}

static void look(const struct detect_limits *limits, const struct sample *samples, size_t n, struct verdict *v)
{
	struct series all = series_since_gap(limits, samples, n), s = series_window_unstarved(all, limits->cpu_spin_for_s);

	if (s.n < 2 || !spins(limits, s))
		return;
	const struct sample *a = series_first(s), *b = series_last(s);
	verdict_set(v, VERDICT_CPU_SPIN, since(limits, all, s), "cpu=%.0f%% of=%.2fs waited_for_cpu=%.2fs bytes=%.0f handshakes=%.0f "
		"accepts=%.0f wakeups=%.0f spurious=%.0f share=%.3g for=%.3gs", 100 * share(s), series_seconds(s), series_starved(s),
		grown(a->bytes, b->bytes), grown(a->handshakes, b->handshakes), grown(a->accepts, b->accepts),
		grown(a->wakeups, b->wakeups), grown(a->spurious, b->spurious), limits->cpu_spin_share, limits->cpu_spin_for_s);
}

const struct detect_ops detect_cpu_spin = { .name = "cpu_spin", .version = DETECT_VERSION, .look = look };
