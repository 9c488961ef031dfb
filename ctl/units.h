/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values from an answer as text for people. Each takes what stands in the
 * answer, of whatever type, and gives a string of its own (free it), never
 * NULL; what is missing or null is "-". Exits if memory runs out.
 */
#ifndef CTL_UNITS_H
#define CTL_UNITS_H

#include <jansson.h>

/* Safe for a terminal: what the locale cannot print comes as \xNN. Numbers and booleans too. */
char *unit_text(const json_t *v);
char *unit_safe(const char *text);
/* 9999, 12.3k, 4.5M (thousands) */
char *unit_count(const json_t *v);
/* 1023, 1.5K, 2.0M (1024) */
char *unit_bytes(const json_t *v);
/* Milliseconds as 250ms, 3.2s, 3m20s, 5h07m, 3d04h. */
char *unit_ms(const json_t *v);

/* Columns that it takes on a terminal; text has to come from here. */
int unit_width(const char *text);

#endif
