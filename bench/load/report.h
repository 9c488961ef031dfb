/* SPDX-License-Identifier: BSD-2-Clause */
/* What bench-load prints: one object of JSON a line. */
#ifndef BENCH_LOAD_REPORT_H
#define BENCH_LOAD_REPORT_H

#include "bench/load/load.h"

/* event: "ready", "report" or "failed". */
void report_print(const char *event, const struct load *l);

#endif
