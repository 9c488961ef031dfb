/* SPDX-License-Identifier: BSD-2-Clause */
/* How often something may be said: so many times a second, and how often it was not. */
#ifndef LUA_QUOTA_H
#define LUA_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

struct quota {
	uint32_t per_s;
	uint32_t used;
	uint64_t second;	/* of the monotonic clock */
	uint64_t withheld;	/* since it was last said; reset by its user */
};

/* False, and counted, if it was said often enough in this second. */
bool quota_take(struct quota *q, uint64_t now_ns);

#endif
