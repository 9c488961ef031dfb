/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/retry.h"

#include <stdio.h>
#include <stdlib.h>

int64_t retry_after_s(uint32_t failures)
{
	int64_t s = RETRY_MIN_S;

	for (uint32_t i = 1; i < failures && s < RETRY_MAX_S; i++)
		s *= 2;
	if (s > RETRY_MAX_S)
		s = RETRY_MAX_S;
	return s * 3 / 4 + random() % (s / 2 + 1);
}

void retry_error(const char *why, char *to, size_t size)
{
	snprintf(to, size, "%s", why);
	for (char *p = to; *p; p++)
		if (*p < ' ' || *p >= 0x7f)
			*p = '?';
}
