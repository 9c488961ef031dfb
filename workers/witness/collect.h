/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parts of the evidence, each in a process of its own, because each may hang
 * on the process that it looks at. One that is late is killed, and missing.
 */
#ifndef WITNESS_COLLECT_H
#define WITNESS_COLLECT_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/ledger.h"

struct suspect {
	pid_t pid;
	uint64_t start;			/* of the process, /proc/PID/stat field 22 */
	const struct ledger *ledger;
};

/* Sets the parts (enum witness_part) as members of report; what was not to be had is in its "missing". */
void collect(json_t *report, const struct suspect *s, unsigned parts, uint32_t deadline_ms);

#endif
