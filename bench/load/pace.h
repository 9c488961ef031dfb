/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When operations are due. At a fixed rate they are planned at random times
 * (exponential gaps), whether those before them are done or not, and their
 * latency counts from the planned time: a server that stalls is not spared the
 * operations that it kept from being started.
 */
#ifndef BENCH_LOAD_PACE_H
#define BENCH_LOAD_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
	double rate;		/* 0: as fast as they end */
	uint64_t random;
	uint64_t next_ns, end_ns;	/* end_ns 0: no end by time */
	uint64_t left;		/* how many may still be started */
};

/* count 0: no limit by number; seconds 0: none by time. */
void pace_start(struct pace *p, double rate, double seconds, uint64_t count, uint64_t seed, uint64_t now_ns);
/* Whether one is due now; then *due_ns is its planned time, and it counts as started. */
bool pace_take(struct pace *p, uint64_t now_ns, uint64_t *due_ns);
/* No further one will be due. */
bool pace_over(const struct pace *p, uint64_t now_ns);
/* How long until something may be due or over; UINT64_MAX: not by time. */
uint64_t pace_wait_ns(const struct pace *p, uint64_t now_ns);

#endif
