/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/buf.h"

#include <string.h>

void buf_init(struct buf *b, void *mem, size_t cap)
{
	*b = (struct buf){ .data = mem, .cap = cap };
}

void buf_init_read(struct buf *b, const void *mem, size_t size)
{
	*b = (struct buf){ .data = (uint8_t *)(uintptr_t)mem, .size = size };
}

static uint8_t *put(struct buf *b, size_t n)
{
	if (b->failed || n > b->cap - b->size) {
		b->failed = true;
		return NULL;
	}
	uint8_t *at = b->data + b->size;
	b->size += n;
	return at;
}

static void put_uint(struct buf *b, uint64_t v, size_t n)
{
	uint8_t *at = put(b, n);

	for (size_t i = 0; at && i < n; i++)
		at[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

void buf_put_u8(struct buf *b, uint8_t v) { put_uint(b, v, 1); }
void buf_put_u16(struct buf *b, uint16_t v) { put_uint(b, v, 2); }
void buf_put_u32(struct buf *b, uint32_t v) { put_uint(b, v, 4); }
void buf_put_u64(struct buf *b, uint64_t v) { put_uint(b, v, 8); }

void buf_put_bytes(struct buf *b, const void *p, size_t n)
{
	uint8_t *at = put(b, n);

	if (at && n)
		memcpy(at, p, n);
}

const uint8_t *buf_get_bytes(struct buf *b, size_t n)
{
	if (b->failed || n > buf_left(b)) {
		b->failed = true;
		return NULL;
	}
	const uint8_t *at = b->data + b->pos;
	b->pos += n;
	return at;
}

static uint64_t get_uint(struct buf *b, size_t n)
{
	const uint8_t *at = buf_get_bytes(b, n);
	uint64_t v = 0;

	for (size_t i = 0; at && i < n; i++)
		v = v << 8 | at[i];
	return v;
}

uint8_t buf_get_u8(struct buf *b) { return (uint8_t)get_uint(b, 1); }
uint16_t buf_get_u16(struct buf *b) { return (uint16_t)get_uint(b, 2); }
uint32_t buf_get_u24(struct buf *b) { return (uint32_t)get_uint(b, 3); }
uint32_t buf_get_u32(struct buf *b) { return (uint32_t)get_uint(b, 4); }
uint64_t buf_get_u64(struct buf *b) { return get_uint(b, 8); }
