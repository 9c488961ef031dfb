/* SPDX-License-Identifier: BSD-2-Clause */
/* The verdict on a process that ended although nobody had asked it to. */
#ifndef PLUGINS_DETECT_CRASH_H
#define PLUGINS_DETECT_CRASH_H

#include "plugins/detect/detect.h"

/* status: as wait(2) gives it; how long it lived; why: if somebody of us ended it, or "". */
void crash_verdict(int status, uint64_t died_ns, uint64_t lived_ms, const char *why, struct verdict *v);

#endif
