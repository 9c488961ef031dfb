/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzzes what uacme and its hook say: calls of the hook, and the words of a failure. */
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "workers/librarian/order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int good)
{
	if (!good)
		abort();
}

/* All five lie in the packet, and a token that is taken is no path. */
static void call(const char *packet, size_t size)
{
	struct hook_call c;
	uint8_t digest[32];

	if (!hook_parse(packet, size, &c))
		return;
	must(c.method == packet && c.authorization + strlen(c.authorization) + 1 == packet + size);
	if (base64url_is(c.token, 128))
		must(*c.token && strlen(c.token) <= 128 && !strpbrk(c.token, "/.%\n "));
	ssize_t n = base64url_decode(c.authorization, digest, sizeof digest);
	must(n < 0 || (size_t)n == strlen(c.authorization) * 3 / 4);
}

static void problem(const uint8_t *data, size_t size)
{
	static struct order o;
	char text[200];

	order_init(&o);
	o.text_n = size < ORDER_OUTPUT_MAX ? size : ORDER_OUTPUT_MAX;
	memcpy(o.text, data, o.text_n);
	o.text[o.text_n] = '\0';
	order_problem(&o, text, sizeof text);
	must(strlen(text) < sizeof text);
	for (const char *p = text; *p; p++)
		must(*p >= ' ' && *p < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *packet = malloc(size + 1);

	if (!packet)
		return 0;
	memcpy(packet, data, size);
	call(packet, size);
	problem(data, size);
	free(packet);
	return 0;
}
