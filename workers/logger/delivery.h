/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Brings lines to the sink: the form that was asked for, what is no line of
 * ours wrapped in one, and a count of what the sink did not take, told by a
 * line of its own as soon as the sink works again.
 */
#ifndef LOGGER_DELIVERY_H
#define LOGGER_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ledger.h"
#include "workers/logger/sink.h"

struct delivery {
	struct sink sink;	/* ops is NULL until the first delivery_set_sink() */
	bool json;
	uint64_t lost;		/* lines since the sink last worked */
	uint64_t untold;	/* lines that the sink has taken since the last flush, and that are not counted yet */
	struct ledger *ledger;	/* lent */
};

void delivery_init(struct delivery *d, struct ledger *ledger);
void delivery_clear(struct delivery *d);

/* Goes over to another sink; takes fd (-1: none). Says so there if it does not work. */
void delivery_set_sink(struct delivery *d, const struct sink_ops *ops, int fd, bool json);

/* The same for one line that is to show whether it works: 0 or a negative errno, and nothing is said. */
int delivery_probe(struct delivery *d, const struct sink_ops *ops, int fd, bool json, const struct log_line *l);

/* Writes a line (without newline), or keeps it for delivery_flush(), or counts it as lost. May block. */
void delivery_line(struct delivery *d, const char *line, size_t size);
/* Writes what is kept; after the last line that is there. */
void delivery_flush(struct delivery *d);

/* A line of the logger's own; takes what log_begin() and others have built. */
void delivery_own(struct delivery *d, const struct log_line *l);

/* Tells what was lost if the sink works again; for when no line comes. */
void delivery_retry(struct delivery *d);

#endif
