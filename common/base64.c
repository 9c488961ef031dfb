/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/base64.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LINE 64

static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode_three(const uint8_t *in, size_t n, char out[4])
{
	uint32_t v = (uint32_t)in[0] << 16 | (n > 1 ? (uint32_t)in[1] << 8 : 0) | (n > 2 ? in[2] : 0u);

	for (int i = 0; i < 4; i++)
		out[i] = (size_t)i <= n ? plain[v >> (18 - 6 * i) & 63] : '=';
}

size_t base64_pem(const char *label, const void *data, size_t size, char *out)
{
	const uint8_t *in = data;
	size_t n = (size_t)sprintf(out, "-----BEGIN %s-----\n", label), on_line = 0;

	for (size_t at = 0; at < size; at += 3) {
		encode_three(in + at, size - at < 3 ? size - at : 3, out + n);
		n += 4;
		on_line += 4;
		if (on_line == LINE || at + 3 >= size) {
			out[n++] = '\n';
			on_line = 0;
		}
	}
	return n + (size_t)sprintf(out + n, "-----END %s-----\n", label);
}

bool base64url_is(const char *text, size_t max)
{
	size_t n = strspn(text, url);

	return n > 0 && n <= max && text[n] == '\0';
}

ssize_t base64url_decode(const char *text, uint8_t *out, size_t cap)
{
	size_t n = strlen(text), size = 0;
	uint32_t v = 0;

	if (!base64url_is(text, n) || n % 4 == 1 || n * 3 / 4 > cap)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		v = v << 6 | (uint32_t)(strchr(url, text[i]) - url);
		if (i % 4 != 0)
			out[size++] = (uint8_t)(v >> (6 - 2 * (i % 4)));
	}
	return (ssize_t)size;
}
