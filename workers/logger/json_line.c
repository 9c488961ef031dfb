/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/logger/json_line.h"

#include <stdint.h>
#include <string.h>

#include "common/buf.h"

static void put(struct buf *b, const char *s) { buf_put_bytes(b, s, strlen(s)); }

static void put_unit(struct buf *b, uint32_t unit)
{
	static const char digits[] = "0123456789abcdef";

	put(b, "\\u");
	for (int shift = 12; shift >= 0; shift -= 4)
		buf_put_u8(b, (uint8_t)digits[unit >> shift & 15]);
}

static void put_code_point(struct buf *b, uint32_t c)
{
	if (c == '"' || c == '\\') {
		buf_put_u8(b, '\\');
		buf_put_u8(b, (uint8_t)c);
	} else if (c == '\n') {
		put(b, "\\n");
	} else if (c >= ' ' && c < 0x7f) {
		buf_put_u8(b, (uint8_t)c);
	} else if (c < 0x10000) {
		put_unit(b, c);
	} else {
		put_unit(b, 0xd800 + ((c - 0x10000) >> 10));
		put_unit(b, 0xdc00 + ((c - 0x10000) & 0x3ff));
	}
}

/* Decodes one code point; the bytes it took, 0 if there is no valid one (RFC 3629 4). */
static size_t decode(const uint8_t *s, size_t n, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t size = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf8 ? 4 : 0;

	if (size == 0 || size > n)
		return 0;
	*c = size == 1 ? s[0] : s[0] & (0x7fu >> size);
	for (size_t i = 1; i < size; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (s[i] & 0x3f);
	}
	if (*c < least[size] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000))
		return 0;
	return size;
}

static void put_string(struct buf *b, const char *text, size_t n)
{
	const uint8_t *s = (const uint8_t *)text;

	buf_put_u8(b, '"');
	while (n > 0) {
		uint32_t c;
		size_t size = decode(s, n, &c);
		if (size == 0) {
			c = *s;
			size = 1;
		}
		put_code_point(b, c);
		s += size;
		n -= size;
	}
	buf_put_u8(b, '"');
}

static size_t digits(const char *s) { return strspn(s, "0123456789"); }

/* Integers and decimals as RFC 8259 section 6 writes them, without exponent. */
static bool is_number(const char *s)
{
	s += *s == '-';
	size_t n = digits(s);
	if (n == 0 || (n > 1 && s[0] == '0'))
		return false;
	s += n;
	if (*s == '.') {
		n = digits(s + 1);
		if (n == 0)
			return false;
		s += 1 + n;
	}
	return *s == '\0';
}

size_t json_line(const struct logfmt *f, char *out)
{
	struct buf b;

	buf_init(&b, out, JSON_LINE_MAX);
	for (int i = 0; i < f->n; i++) {
		const struct logfmt_pair *p = &f->pairs[i];
		buf_put_u8(&b, i == 0 ? '{' : ',');
		put_string(&b, p->key, strlen(p->key));
		buf_put_u8(&b, ':');
		if (!p->quoted && is_number(p->value))
			buf_put_bytes(&b, p->value, p->size);
		else
			put_string(&b, p->value, p->size);
	}
	buf_put_u8(&b, '}');
	return b.size;
}
