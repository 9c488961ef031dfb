/* SPDX-License-Identifier: BSD-2-Clause */
/* Cuts what comes from a pipe into lines, whatever pieces it comes in. */
#ifndef LOGGER_LINES_H
#define LOGGER_LINES_H

#include <stddef.h>

#define LINES_BYTES 16384	/* what has no newline for so long is passed on without one */

struct lines {
	int fd;			/* lent */
	size_t size;		/* bytes of a line whose end has not come */
	char data[LINES_BYTES];
};

void lines_init(struct lines *l, int fd);

/*
 * Reads once and calls on_line for each complete line, which is lent and has
 * lost its newline. Returns 1 if that was all there was, 2 if there may be more,
 * 0 at the end of the pipe (the last line needs no newline), or a negative errno.
 */
int lines_read(struct lines *l, void (*on_line)(void *arg, const char *line, size_t size), void *arg);

#endif
