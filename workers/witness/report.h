/* SPDX-License-Identifier: BSD-2-Clause */
/* A report of bounded size. */
#ifndef WITNESS_REPORT_H
#define WITNESS_REPORT_H

#include <jansson.h>
#include <stddef.h>

/*
 * The text of a report (JSON, a line at its end; free it), of at most max
 * bytes: the longest lists lose their second halves until it fits, and
 * "missing" says so. NULL: no memory.
 */
char *report_text(json_t *report, size_t max);

#endif
