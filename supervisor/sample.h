/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks at a process from outside: what /proc tells without waiting for
 * anybody, and its ledger. The last ten minutes are kept.
 */
#ifndef SUPERVISOR_SAMPLE_H
#define SUPERVISOR_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "plugins/detect/detect.h"

#define SAMPLES_KEPT_S 600.

struct child;

/* The series of one place of a process; all zero: none yet. */
struct samples {
	struct sample *list;		/* oldest first */
	size_t n;
	size_t cap;			/* so many are kept at least, and twice as many at most */
	uint32_t generation;		/* of the process that they are of */
	uint64_t fds_limit;
	uint64_t cpu_idle_ns;		/* how long it has been runnable and not run, as far as the last sample knew */
};

void samples_clear(struct samples *s);
/*
 * Looks once. A process that is another one than before begins a new series,
 * and so does another interval. Nothing happens if there is no process.
 * Returns 0 or a negative errno.
 */
int samples_take(struct samples *s, const struct child *c, double interval_s);

#endif
