/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A log line as one JSON object (RFC 8259), all ASCII: a terminal that shows it
 * obeys nothing that came from the network. A bare value that is a number
 * becomes one (common/log.c quotes strings that look like numbers), all else
 * strings. A byte that is no UTF-8 (RFC 3629) becomes the code point of its
 * number, \u0080 to \u00ff.
 */
#ifndef LOGGER_JSON_LINE_H
#define LOGGER_JSON_LINE_H

#include "workers/logger/logfmt.h"

/* Every line fits: nothing grows more than twofold. */
#define JSON_LINE_MAX (2 * LOG_LINE_MAX + 8)

/* Writes the object, without newline or NUL, to out (JSON_LINE_MAX); its size. */
size_t json_line(const struct logfmt *f, char *out);

#endif
