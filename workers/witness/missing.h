/* SPDX-License-Identifier: BSD-2-Clause */
/* What could not be had, in words, as a member of what was. */
#ifndef WITNESS_MISSING_H
#define WITNESS_MISSING_H

#include <jansson.h>

/* Adds "what: why" to the array "missing" of o. */
void missing_add(json_t *o, const char *what, const char *why);
/* Moves the array "missing" of part into that of report. */
void missing_move(json_t *report, json_t *part);
/* All of them in one line. */
void missing_line(const json_t *report, char *text, size_t size);

#endif
