/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings from anybody as JSON. Needs jansson; whoever links that compiles it in. */
#ifndef COMMON_JSON_TEXT_H
#define COMMON_JSON_TEXT_H

#include <jansson.h>

/*
 * A string that is safe for jansson and for a terminal, whoever wrote it:
 * control characters (also those of C1 and of writing direction), bytes that
 * are not UTF-8, and the backslash come as \xNN. NULL: no memory.
 */
json_t *json_text(const char *text);

#endif
