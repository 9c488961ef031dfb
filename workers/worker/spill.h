/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes that a peer's socket did not take, kept until it does. Memory exists
 * only while bytes wait. `total` counts them for the whole worker.
 */
#ifndef WORKER_SPILL_H
#define WORKER_SPILL_H

#include <stddef.h>
#include <stdint.h>

struct spill {
	uint8_t *data;
	size_t pos, size, cap;
};

static inline size_t spill_left(const struct spill *s) { return s->size - s->pos; }

/* Appends; 0, -ENOMEM, or -EFBIG if more than limit bytes would wait. */
int spill_append(struct spill *s, const void *data, size_t size, size_t limit, size_t *total);

/*
 * Sends what waits. *sent gets the number of bytes taken. Returns 0 when
 * nothing waits any more, -EAGAIN, or the socket's error as a negative errno.
 */
int spill_flush(struct spill *s, int fd, size_t *sent, size_t *total);
void spill_clear(struct spill *s, size_t *total);

#endif
