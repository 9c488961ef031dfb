/* SPDX-License-Identifier: BSD-2-Clause */
/* Latencies in nanoseconds, kept in buckets of at most 1/64 of their value. */
#ifndef BENCH_LOAD_HISTOGRAM_H
#define BENCH_LOAD_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS (59 * 64)

struct histogram {
	uint64_t count, sum, min, max;
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t ns);
/* The value that this share of all (0 to 1) does not exceed, to 1/64; 0 if there is none. */
uint64_t histogram_at(const struct histogram *h, double share);

#endif
