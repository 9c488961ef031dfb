/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/load/histogram.h"

#include <math.h>

/* 64 linear steps for each power of two; the values below 64 have one each. */
static unsigned bucket_of(uint64_t ns)
{
	if (ns < 64)
		return (unsigned)ns;
	unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - 6u;
	return (shift + 1) * 64 + (unsigned)((ns >> shift) - 64);
}

static uint64_t highest_in(unsigned bucket)
{
	if (bucket < 64)
		return bucket;
	unsigned shift = bucket / 64 - 1;
	return ((bucket % 64 + 65ull) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t ns)
{
	if (h->count == 0 || ns < h->min)
		h->min = ns;
	if (ns > h->max)
		h->max = ns;
	h->count++;
	h->sum += ns;
	h->bucket[bucket_of(ns)]++;
}

uint64_t histogram_at(const struct histogram *h, double share)
{
	uint64_t want = (uint64_t)ceil(share * (double)h->count), seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen >= want && seen > 0)
			return highest_in(i) < h->max ? highest_in(i) : h->max;
	}
	return h->max;
}
