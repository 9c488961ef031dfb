/* SPDX-License-Identifier: BSD-2-Clause */
#include "lua/quota.h"

bool quota_take(struct quota *q, uint64_t now_ns)
{
	uint64_t second = now_ns / 1000000000u;

	if (second != q->second) {
		q->second = second;
		q->used = 0;
	}
	if (q->used >= q->per_s) {
		q->withheld++;
		return false;
	}
	q->used++;
	return true;
}
