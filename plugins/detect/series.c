/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/detect/series.h"

#include <stdarg.h>
#include <stdio.h>

#define GAP_INTERVALS 5		/* samples that are missing make a gap, */
#define GAP_S 2.0		/* if it is at least as long: timers of a busy machine are late, too */

static const struct { const char *name, *text; } kinds[VERDICT_COUNT] = {
#define X(id, name, text) [id] = { name, text },
	VERDICTS(X)
#undef X
};

const char *verdict_name(enum verdict_kind k) { return k < VERDICT_COUNT ? kinds[k].name : "unknown"; }
const char *verdict_text(enum verdict_kind k) { return k < VERDICT_COUNT ? kinds[k].text : ""; }

struct series series_since_gap(const struct detect_limits *limits, const struct sample *samples, size_t n)
{
	double longest = GAP_INTERVALS * limits->interval_s > GAP_S ? GAP_INTERVALS * limits->interval_s : GAP_S;
	size_t from = n > 0 ? n - 1 : 0;

	while (from > 0 && (double)(samples[from].at_ns - samples[from - 1].at_ns) / 1e9 < longest)
		from--;
	return (struct series){ samples + from, n - from };
}

struct series series_window(struct series s, double seconds)
{
	size_t from = s.n;

	while (from > 0 && (double)(series_last(s)->at_ns - s.samples[from - 1].at_ns) / 1e9 < seconds)
		from--;
	if (from == 0)
		return (struct series){ s.samples, 0 };
	return (struct series){ s.samples + from - 1, s.n - from + 1 };
}

struct series series_window_unstarved(struct series s, double seconds)
{
	for (size_t n = 1; n <= s.n; n++) {
		struct series window = { s.samples + s.n - n, n };
		if (series_seconds(window) - series_starved(window) >= seconds)
			return window;
	}
	return (struct series){ s.samples, 0 };
}

static double grown(uint64_t from, uint64_t to)
{
	return to > from ? (double)(to - from) / 1e9 : 0;
}

double series_seconds(struct series s) { return grown(series_first(s)->at_ns, series_last(s)->at_ns); }
double series_starved(struct series s) { return grown(series_first(s)->run_delay_ns, series_last(s)->run_delay_ns); }
double series_computed(struct series s) { return grown(series_first(s)->cpu_ns, series_last(s)->cpu_ns); }

void verdict_set(struct verdict *v, enum verdict_kind kind, uint64_t since_ns, const char *format, ...)
{
	va_list ap;

	v->kind = kind;
	v->since_ns = since_ns;
	va_start(ap, format);
	vsnprintf(v->numbers, sizeof v->numbers, format, ap);
	va_end(ap);
}
