/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * No series tells of a death, so this is no struct detect_ops: whoever reaps
 * the process asks.
 */
#include "plugins/detect/crash.h"

#include <string.h>
#include <sys/wait.h>

#include "plugins/detect/series.h"

void crash_verdict(int status, uint64_t died_ns, uint64_t lived_ms, const char *why, struct verdict *v)
{
	unsigned long long lived = lived_ms;
	const char *gap = *why ? ": " : "";

	if (WIFSIGNALED(status))
		verdict_set(v, VERDICT_CRASH, died_ns, "signal=%d (%s) lived=%llums%s%s", WTERMSIG(status),
			strsignal(WTERMSIG(status)), lived, gap, why);
	else
		verdict_set(v, VERDICT_CRASH, died_ns, "exit=%d lived=%llums%s%s", WEXITSTATUS(status), lived, gap, why);
}
