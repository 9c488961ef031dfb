/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/keeper/der.h"

#include <string.h>

void der_init(struct der *d, uint8_t *memory, size_t cap)
{
	*d = (struct der){ .memory = memory, .at = memory + cap };
}

void der_bytes(struct der *d, const void *data, size_t size)
{
	if ((size_t)(d->at - d->memory) < size)
		d->failed = true;
	if (d->failed || size == 0)
		return;
	d->at -= size;
	d->size += size;
	memcpy(d->at, data, size);
}

void der_wrap(struct der *d, enum der_tag tag, size_t after)
{
	size_t n = d->size - after;
	uint8_t head[4] = { (uint8_t)tag, (uint8_t)n };
	size_t head_n = 2;

	if (n > 255) {
		head[1] = 0x82;
		head[2] = (uint8_t)(n >> 8);
		head[3] = (uint8_t)n;
		head_n = 4;
	} else if (n > 127) {
		head[1] = 0x81;
		head[2] = (uint8_t)n;
		head_n = 3;
	}
	d->failed |= n > 65535;
	der_bytes(d, head, head_n);
}

void der_put(struct der *d, enum der_tag tag, const void *data, size_t size)
{
	size_t after = d->size;

	der_bytes(d, data, size);
	der_wrap(d, tag, after);
}
