/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads the lines that common/log.c writes: key=value pairs, one space between
 * them; values bare or quoted with the escapes \" \\ \n \xNN.
 */
#ifndef LOGGER_LOGFMT_H
#define LOGGER_LOGFMT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/log.h"

#define LOGFMT_PAIRS_MAX 128

/* Key and value lie in their struct logfmt; both end with a NUL that is not counted. */
struct logfmt_pair {
	const char *key, *value;
	size_t size;		/* of the value, which may have NULs within */
	bool quoted;
};

struct logfmt {
	enum log_level level;
	int n;
	struct logfmt_pair pairs[LOGFMT_PAIRS_MAX];
	char text[LOG_LINE_MAX + 1];
};

/*
 * Parses a line without its newline. Returns 0, or -EINVAL if it is none of
 * ours: other syntax, too long, or not beginning with ts and a known level.
 */
int logfmt_parse(struct logfmt *f, const char *line, size_t size);

/* The value of a key, or NULL. */
const char *logfmt_get(const struct logfmt *f, const char *key);

#endif
