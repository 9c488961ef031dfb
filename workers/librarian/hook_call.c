/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "workers/librarian/hook.h"

bool hook_parse(const char *packet, size_t size, struct hook_call *call)
{
	const char *arguments[HOOK_ARGUMENTS], *at = packet, *end = packet + size;
	int n = 0;

	if (size == 0 || packet[size - 1] != '\0')
		return false;
	for (; at < end && n < HOOK_ARGUMENTS; at += strlen(at) + 1)
		arguments[n++] = at;
	if (n < HOOK_ARGUMENTS || at != end)
		return false;
	*call = (struct hook_call){ arguments[0], arguments[1], arguments[2], arguments[3], arguments[4] };
	return true;
}
