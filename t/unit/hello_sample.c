/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "t/unit/hello_sample.h"

struct sample *new_sample(void)
{
	struct sample *s = calloc(1, sizeof *s);

	assert_non_null(s);
	s->version = 0x0303;
	s->ciphers[0] = 0x1301;
	s->n_ciphers = 1;
	buf_init(&s->ext, s->ext_mem, sizeof s->ext_mem);
	return s;
}

void add(struct sample *s, uint16_t type, const void *body, size_t size)
{
	buf_put_u16(&s->ext, type);
	buf_put_u16(&s->ext, (uint16_t)size);
	buf_put_bytes(&s->ext, body, size);
}

void add_name(struct sample *s, const char *name, size_t size)
{
	buf_put_u16(&s->ext, 0);
	buf_put_u16(&s->ext, (uint16_t)(size + 5));
	buf_put_u16(&s->ext, (uint16_t)(size + 3));
	buf_put_u8(&s->ext, 0);
	buf_put_u16(&s->ext, (uint16_t)size);
	buf_put_bytes(&s->ext, name, size);
}

void add_numbers(struct sample *s, uint16_t type, size_t count, const uint16_t *list)
{
	bool short_length = type == 43;

	buf_put_u16(&s->ext, type);
	buf_put_u16(&s->ext, (uint16_t)(2 * count + (short_length ? 1 : 2)));
	if (short_length)
		buf_put_u8(&s->ext, (uint8_t)(2 * count));
	else
		buf_put_u16(&s->ext, (uint16_t)(2 * count));
	for (size_t i = 0; i < count; i++)
		buf_put_u16(&s->ext, list[i]);
}


/* The handshake message with its header. */
size_t message(const struct sample *s, uint8_t *out, size_t cap)
{
	static const uint8_t zeros[255];
	struct buf b;

	assert_false(s->ext.failed);
	buf_init(&b, out, cap);
	buf_put_u32(&b, 0);
	buf_put_u16(&b, s->version);
	buf_put_bytes(&b, zeros, 32);
	buf_put_u8(&b, (uint8_t)s->session_id_bytes);
	buf_put_bytes(&b, zeros, s->session_id_bytes);
	buf_put_u16(&b, (uint16_t)(2 * s->n_ciphers));
	for (size_t i = 0; i < s->n_ciphers; i++)
		buf_put_u16(&b, s->ciphers[i]);
	buf_put_u8(&b, 1);
	buf_put_u8(&b, s->compression);
	if (!s->no_extensions) {
		buf_put_u16(&b, (uint16_t)s->ext.size);
		buf_put_bytes(&b, s->ext.data, s->ext.size);
	}
	assert_false(b.failed);
	out[0] = 1;
	out[1] = (uint8_t)((b.size - 4) >> 16);
	out[2] = (uint8_t)((b.size - 4) >> 8);
	out[3] = (uint8_t)(b.size - 4);
	return b.size;
}

/* Cuts a message into records of at most `each` bytes. */
size_t records(const uint8_t *msg, size_t size, size_t each, uint8_t *out, size_t cap)
{
	struct buf b;

	buf_init(&b, out, cap);
	for (size_t at = 0; at < size; at += each) {
		size_t n = size - at < each ? size - at : each;

		buf_put_u8(&b, 22);
		buf_put_u16(&b, 0x0301);
		buf_put_u16(&b, (uint16_t)n);
		buf_put_bytes(&b, msg + at, n);
	}
	assert_false(b.failed);
	return b.size;
}

/* On memory of its own, so that sanitizers and valgrind see a read too far. */
enum hello_result parse_copy(const uint8_t *data, size_t size, struct hello *h)
{
	uint8_t *copy = malloc(size ? size : 1);

	assert_non_null(copy);
	memcpy(copy, data, size);
	enum hello_result r = hello_parse(copy, size, h);
	free(copy);
	return r;
}

enum hello_result parse(const uint8_t *data, size_t size, struct hello *h)
{
	hello_init(h);
	return parse_copy(data, size, h);
}

/* Parses and frees the sample. */
enum hello_result parse_sample(struct sample *s, struct hello *h)
{
	static uint8_t msg[70000], wire[70000];
	size_t size = message(s, msg, sizeof msg);

	free(s);
	return parse(wire, records(msg, size, 16384, wire, sizeof wire), h);
}

void assert_bad(struct sample *s, enum hello_alert alert, const char *why)
{
	struct hello h;

	assert_int_equal(parse_sample(s, &h), HELLO_BAD);
	assert_string_equal(h.why, why);
	assert_int_equal(h.alert, alert);
}

void assert_raw_bad(const void *data, size_t size, enum hello_alert alert, const char *why)
{
	struct hello h;

	assert_int_equal(parse(data, size, &h), HELLO_BAD);
	assert_string_equal(h.why, why);
	assert_int_equal(h.alert, alert);
}

/* NULL: the client named none. */
void assert_sni(const char *name, size_t size, const char *sni)
{
	struct sample *s = new_sample();
	struct hello h;

	add_name(s, name, size);
	assert_int_equal(parse_sample(s, &h), HELLO_DONE);
	assert_int_equal(h.has_sni, sni != NULL);
	assert_string_equal(h.sni, sni ? sni : "");
}

void assert_bad_sni(const char *name, size_t size, const char *why)
{
	struct sample *s = new_sample();

	add_name(s, name, size);
	assert_bad(s, HELLO_ILLEGAL_PARAMETER, why);
}

void fill_name(char *name, size_t size)
{
	for (size_t i = 0; i < size; i++)
		name[i] = i % 50 == 49 ? '.' : 'a';
}
