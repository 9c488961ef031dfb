/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What bench-load asks of bench-backend, through whatever stands between: a
 * request begins with this header and is `request` bytes long in all; the
 * answer is `answer` bytes, whatever they are.
 */
#ifndef BENCH_COMMON_WIRE_H
#define BENCH_COMMON_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#define WIRE_BYTES 24

struct wire {
	bool close;		/* the backend closes the connection after the answer */
	uint64_t request, answer;
};

void wire_put(const struct wire *w, uint8_t out[WIRE_BYTES]);
/* False if these bytes are no header. */
bool wire_get(struct wire *w, const uint8_t in[WIRE_BYTES]);

#endif
