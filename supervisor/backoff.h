/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long to wait before a process that died is started again. Pure: history
 * and times in, milliseconds out.
 */
#ifndef SUPERVISOR_BACKOFF_H
#define SUPERVISOR_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 30000
#define BACKOFF_HEALTHY_MS 60000	/* a life of that length forgets the deaths before it */

/* All zero: has not died yet. */
struct backoff {
	unsigned streak;	/* deaths in a row, each after a short life */
};

/*
 * Notes a death after lived_ms and returns the wait: none after the first of a
 * streak, then BACKOFF_FIRST_MS, doubling up to BACKOFF_MAX_MS.
 */
uint32_t backoff_after_death(struct backoff *b, uint64_t lived_ms);

#endif
