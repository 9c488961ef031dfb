/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/load/pace.h"

#include <math.h>

/* xorshift64*: from 0 (excluded) to 1 (included). */
static double random_share(struct pace *p)
{
	p->random ^= p->random >> 12;
	p->random ^= p->random << 25;
	p->random ^= p->random >> 27;
	return (double)((p->random * 0x2545f4914f6cdd1dull >> 11) + 1) / 9007199254740992.0;
}

static uint64_t gap_ns(struct pace *p)
{
	return (uint64_t)(-log(random_share(p)) / p->rate * 1e9);
}

void pace_start(struct pace *p, double rate, double seconds, uint64_t count, uint64_t seed, uint64_t now_ns)
{
	*p = (struct pace){ .rate = rate, .random = seed * 2 + 1, .left = count ? count : UINT64_MAX };
	for (int i = 0; i < 8; i++)	/* a small seed has few bits to begin with */
		random_share(p);
	p->end_ns = seconds > 0 ? now_ns + (uint64_t)(seconds * 1e9) : 0;
	p->next_ns = rate > 0 ? now_ns + gap_ns(p) : now_ns;
}

bool pace_over(const struct pace *p, uint64_t now_ns)
{
	if (p->left == 0)
		return true;
	/* What was planned before the end is still to be done. */
	return p->end_ns && (p->rate > 0 ? p->next_ns : now_ns) >= p->end_ns;
}

bool pace_take(struct pace *p, uint64_t now_ns, uint64_t *due_ns)
{
	if (pace_over(p, now_ns) || (p->rate > 0 && p->next_ns > now_ns))
		return false;
	*due_ns = p->rate > 0 ? p->next_ns : now_ns;
	if (p->rate > 0)
		p->next_ns += gap_ns(p);
	p->left--;
	return true;
}

uint64_t pace_wait_ns(const struct pace *p, uint64_t now_ns)
{
	uint64_t at = p->rate > 0 ? p->next_ns : p->end_ns;

	if (pace_over(p, now_ns) || at == 0)
		return UINT64_MAX;
	return at > now_ns ? at - now_ns : 0;
}
