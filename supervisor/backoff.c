/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/backoff.h"

#define STREAK_MAX 32	/* long past BACKOFF_MAX_MS, so that nothing overflows */

uint32_t backoff_after_death(struct backoff *b, uint64_t lived_ms)
{
	uint32_t wait = BACKOFF_FIRST_MS;

	if (lived_ms >= BACKOFF_HEALTHY_MS)
		b->streak = 0;
	if (b->streak < STREAK_MAX)
		b->streak++;
	if (b->streak == 1)
		return 0;
	for (unsigned i = 2; i < b->streak && wait < BACKOFF_MAX_MS; i++)
		wait *= 2;
	return wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS;
}
