/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bounded buffer over memory that the caller lends. Integers are big-endian.
 * Errors stick: a put past the capacity or a get past the size sets `failed`,
 * puts nothing, gets zero, and is asked about once, at the end.
 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;
	size_t cap;	/* bytes that may be written */
	size_t size;	/* bytes written, or to be read */
	size_t pos;	/* next byte to read */
	bool failed;
};

/* Empty, for writing into mem. */
void buf_init(struct buf *b, void *mem, size_t cap);
/* Full, for reading mem; nothing is ever written through it. */
void buf_init_read(struct buf *b, const void *mem, size_t size);

void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v);
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
void buf_put_bytes(struct buf *b, const void *p, size_t n);

uint8_t buf_get_u8(struct buf *b);
uint16_t buf_get_u16(struct buf *b);
uint32_t buf_get_u24(struct buf *b);
uint32_t buf_get_u32(struct buf *b);
uint64_t buf_get_u64(struct buf *b);
/* Points into the buffer, or NULL (and failed) if there are fewer than n. */
const uint8_t *buf_get_bytes(struct buf *b, size_t n);

static inline size_t buf_left(const struct buf *b) { return b->size - b->pos; }

#endif
