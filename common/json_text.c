/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/json_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Length of the UTF-8 sequence at p (RFC 3629) and its character; 0: it is none. */
static size_t utf8(const unsigned char *p, size_t left, uint32_t *c)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0x80 ? 1 : (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : (p[0] & 0xf8) == 0xf0 ? 4 : 0;

	if (n == 0 || n > left)
		return 0;
	*c = n == 1 ? p[0] : p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3fu);
	}
	return *c < smallest[n] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff) ? 0 : n;
}

static bool harmless(uint32_t c)
{
	bool control = c < 0x20 || (c >= 0x7f && c < 0xa0);
	bool direction = (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);

	return !control && !direction && c != '\\';
}

json_t *json_text(const char *text)
{
	size_t size = strlen(text), used = 0;
	char *out = malloc(4 * size + 1);

	if (!out)
		return NULL;
	for (size_t i = 0; i < size; ) {
		uint32_t c;
		size_t n = utf8((const unsigned char *)text + i, size - i, &c);
		if (n > 0 && harmless(c)) {
			memcpy(out + used, text + i, n);
			used += n;
			i += n;
			continue;
		}
		for (size_t end = i + (n > 0 ? n : 1); i < end; i++)
			used += (size_t)sprintf(out + used, "\\x%02x", (unsigned char)text[i]);
	}
	json_t *s = json_stringn(out, used);
	free(out);
	return s;
}
