/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where log lines go: each kind of sink is a constant table of functions in a
 * file of its own. A sink may block; nobody waits for the logger.
 */
#ifndef LOGGER_SINK_H
#define LOGGER_SINK_H

#include <stdbool.h>
#include <stddef.h>

#include "workers/logger/logfmt.h"

struct sink_line {
	const struct logfmt *parsed;
	const char *text;	/* as the operator asked for it, without newline */
	size_t size;
};

#define SINK_KEPT_BYTES 32768

struct sink {
	const struct sink_ops *ops;
	int fd;			/* owned; -1: none, or not connected */
	bool torn;		/* the last line was written in part */
	size_t kept_size;
	char kept[SINK_KEPT_BYTES];	/* lines that wait for flush() */
};

struct sink_ops {
	const char *name;
	bool needs_fd;		/* gets a descriptor from the supervisor */
	bool needs_ts;		/* nothing else notes the time of a line */
	/* Prepares the sink, or tells why lines cannot be written yet; later ones are tried all the same. */
	int (*open)(struct sink *s);
	/*
	 * Writes one line, or keeps it where there is a flush(). 0, or a negative
	 * errno and the line is lost; -ENOBUFS: there is no room, flush first.
	 */
	int (*write)(struct sink *s, const struct sink_line *l);
	/* Writes what is kept, at once. 0, or a negative errno and *lost lines are lost. NULL: nothing is ever kept. */
	int (*flush)(struct sink *s, unsigned *lost);
};

extern const struct sink_ops sink_stderr, sink_file, sink_syslog, sink_journal;

/* 7 (debug) to 3 (error), as in syslog(3). */
int sink_priority(enum log_level level);

/* Opens a sink; takes fd (-1: none). 0 or as ops->open; usable in either case. */
int sink_init(struct sink *s, const struct sink_ops *ops, int fd);
void sink_clear(struct sink *s);

#endif
