/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors that nobody accounts for, above a threshold and not shrinking
 * over a window; and connections past their deadlines that still hold one,
 * which is how a leak looks that lets go of everything from time to time.
 */
#include "plugins/detect/series.h"

#define LIMIT_SHARE 4		/* a quarter of RLIMIT_NOFILE is too much under any threshold, */
#define LIMIT_AT_ONCE 2		/* and half of it leaves no time for a window */
#define FRESH_NS 2000000000ull	/* of the heartbeat: who stands still is overdue with everything */

/* Descriptors and gauge are not read at the same moment, so the difference may be a little below 0. */
static uint64_t unknown(const struct sample *s)
{
	return s->fds > s->fds_known ? s->fds - s->fds_known : 0;
}

static uint64_t threshold(const struct detect_limits *limits, const struct sample *s)
{
	uint64_t share = s->fds_limit / LIMIT_SHARE;

	return share > 0 && share < limits->fd_leak_above ? share : limits->fd_leak_above;
}

typedef uint64_t number(const struct sample *s);
static uint64_t overdue(const struct sample *s) { return s->overdue; }

static bool stays_above(struct series s, number *of, uint64_t above)
{
	for (size_t i = 0; i < s.n; i++)
		if (of(&s.samples[i]) <= above)
			return false;
	return s.n > 0 && of(series_last(s)) >= of(series_first(s));
}

/* When it was first above, in one go until now. */
static uint64_t since(struct series s, number *of, uint64_t above)
{
	size_t i = s.n;

	while (i > 1 && of(&s.samples[i - 2]) > above)
		i--;
	return s.samples[i - 1].at_ns;
}

static bool is_urgent(struct series s)
{
	uint64_t half = s.n >= 2 ? series_last(s)->fds_limit / LIMIT_AT_ONCE : 0;

	return half > 0 && unknown(series_last(s)) > half && unknown(&s.samples[s.n - 2]) > half;
}

static bool is_fresh(const struct sample *s)
{
	return s->heartbeat_ns + FRESH_NS >= s->at_ns;
}

static void look(const struct detect_limits *limits, const struct sample *samples, size_t n, struct verdict *v)
{
	struct series all = series_since_gap(limits, samples, n), s = series_window(all, limits->fd_leak_for_s);

	if (is_urgent(all))
		s = (struct series){ samples + n - 2, 2 };
	if (s.n == 0)
		return;
	const struct sample *last = series_last(s);
	uint64_t above = threshold(limits, last);
	if (stays_above(s, unknown, above))
		verdict_set(v, VERDICT_FD_LEAK, since(all, unknown, above), "descriptors=%llu accounted_for=%llu unknown=%llu "
			"unknown_before=%llu above=%llu for=%.3gs limit=%llu", (unsigned long long)last->fds,
			(unsigned long long)last->fds_known, (unsigned long long)unknown(last),
			(unsigned long long)unknown(series_first(s)), (unsigned long long)above, limits->fd_leak_for_s,
			(unsigned long long)last->fds_limit);
	else if (is_fresh(last) && stays_above(s, overdue, above))
		verdict_set(v, VERDICT_FD_LEAK, since(all, overdue, above), "overdue=%llu overdue_before=%llu connections=%llu "
			"descriptors=%llu above=%llu for=%.3gs", (unsigned long long)last->overdue,
			(unsigned long long)series_first(s)->overdue, (unsigned long long)last->connections,
			(unsigned long long)last->fds, (unsigned long long)above, limits->fd_leak_for_s);
}

const struct detect_ops detect_fd_leak = { .name = "fd_leak", .version = DETECT_VERSION, .look = look };
