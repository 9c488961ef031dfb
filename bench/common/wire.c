/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/common/wire.h"

#include <endian.h>
#include <string.h>

#define MAGIC "tlsbnch"

void wire_put(const struct wire *w, uint8_t out[WIRE_BYTES])
{
	uint64_t request = htobe64(w->request), answer = htobe64(w->answer);

	memcpy(out, MAGIC, 7);
	out[7] = w->close;
	memcpy(out + 8, &request, 8);
	memcpy(out + 16, &answer, 8);
}

bool wire_get(struct wire *w, const uint8_t in[WIRE_BYTES])
{
	uint64_t request, answer;

	memcpy(&request, in + 8, 8);
	memcpy(&answer, in + 16, 8);
	*w = (struct wire){ .close = in[7], .request = be64toh(request), .answer = be64toh(answer) };
	return memcmp(in, MAGIC, 7) == 0 && w->request >= WIRE_BYTES;
}
