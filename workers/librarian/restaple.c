/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/restaple.h"

#include <string.h>

static bool same_staple(const struct segment_staple *a, const struct segment_staple *b)
{
	return a->der.size == b->der.size && a->from == b->from && a->until == b->until &&
		(a->der.size == 0 || memcmp(a->der.data, b->der.data, a->der.size) == 0);
}

static int restaple_one(struct change *c, size_t i, const struct staples *s, bool on, int64_t now)
{
	const struct stocked *stocked = &change_base(c)->list[i];
	struct segment_staple has, gets;

	if (change_drops(c, i) || !segment_staple_of(stocked->segment, stocked->entry, &has))
		return 0;
	gets = has;
	/* What is not known yet stays: workers look at its time. */
	if (!staples_now_served(s, has.cert_id, on, now, &gets) || same_staple(&has, &gets))
		return 0;
	return change_staple(c, i, &gets);
}

int restaple(struct change *c, const struct staples *s, bool on, int64_t now)
{
	int rc = 0;

	for (size_t i = 0; i < change_base(c)->n && rc == 0; i++)
		rc = restaple_one(c, i, s, on, now);
	return rc;
}
