/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What detectors do alike with a series: find the part of it that may be
 * judged, and a window at its end.
 */
#ifndef PLUGINS_DETECT_SERIES_H
#define PLUGINS_DETECT_SERIES_H

#include "plugins/detect/detect.h"

/* A part of a series, oldest first. */
struct series {
	const struct sample *samples;
	size_t n;
};

/*
 * What lies behind the last gap. A gap is a time in which nobody sampled (the
 * machine was suspended, the supervisor stood still): what grew older in it,
 * such as a heartbeat, is nobody's fault.
 */
struct series series_since_gap(const struct detect_limits *limits, const struct sample *samples, size_t n);

/* The newest samples that span at least that many seconds; n is 0 if there are not as many. */
struct series series_window(struct series s, double seconds);
/* The same, without the time for which the process was kept waiting for a processor. */
struct series series_window_unstarved(struct series s, double seconds);

static inline const struct sample *series_first(struct series s) { return &s.samples[0]; }
static inline const struct sample *series_last(struct series s) { return &s.samples[s.n - 1]; }
/* Seconds from the first to the last. */
double series_seconds(struct series s);
/* How long the process has wanted a processor and had none, in seconds. */
double series_starved(struct series s);
/* How long it has computed, in seconds. */
double series_computed(struct series s);

void verdict_set(struct verdict *v, enum verdict_kind kind, uint64_t since_ns, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
