/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/worker/hello.c: records, how a message may lie in them, and where it may end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "t/unit/hello_sample.h"

/* Cut anywhere, a message is refused as malformed, but where it may end. */
static void every_shorter_message_is_refused(void **state)
{
	static uint8_t msg[1000], wire[1100];
	struct sample *s = new_sample();
	struct hello h;

	(void)state;
	NUMBERS(s, 43, 0x0304);
	add_name(s, "a.example.org", 13);
	size_t size = message(s, msg, sizeof msg);
	size_t fields = size - s->ext.size - 2;

	free(s);
	for (size_t n = 4; n < size; n++) {
		msg[2] = (uint8_t)((n - 4) >> 8);
		msg[3] = (uint8_t)(n - 4);
		enum hello_result r = parse(wire, records(msg, n, 16384, wire, sizeof wire), &h);
		assert_int_equal(r, n == fields ? HELLO_DONE : HELLO_BAD);
		if (r == HELLO_BAD)
			assert_int_equal(h.alert, HELLO_DECODE_ERROR);
	}
	/* and one that is longer than its parts */
	msg[2] = (uint8_t)((size + 1 - 4) >> 8);
	msg[3] = (uint8_t)(size + 1 - 4);
	assert_raw_bad(wire, records(msg, size + 1, 16384, wire, sizeof wire),
		       HELLO_DECODE_ERROR, "extensions of a wrong length");
}

/* Records */

static void what_is_no_tls_is_named(void **state)
{
	struct hello h;

	(void)state;
#define RAW(s) (s), sizeof(s) - 1
	assert_raw_bad(RAW("GET / HTTP/1.1\r\n"), HELLO_UNEXPECTED_MESSAGE, "plain HTTP on the TLS port");
	assert_raw_bad(RAW("PRI * HTTP/2.0\r\n"), HELLO_UNEXPECTED_MESSAGE, "plain HTTP/2 on the TLS port");
	assert_raw_bad(RAW("PROXY TCP4 "), HELLO_UNEXPECTED_MESSAGE, "a PROXY header on the TLS port");
	assert_raw_bad(RAW("\r\n\r\n\0\r\nQUIT\n"), HELLO_UNEXPECTED_MESSAGE, "a PROXY header on the TLS port");
	assert_raw_bad(RAW("SSH-2.0-x\r\n"), HELLO_UNEXPECTED_MESSAGE, "SSH on the TLS port");
	assert_raw_bad(RAW("GETX"), HELLO_UNEXPECTED_MESSAGE, "not a TLS handshake");
	assert_raw_bad(RAW("\0"), HELLO_UNEXPECTED_MESSAGE, "not a TLS handshake");
	assert_raw_bad(RAW("\x15\3\3\0\2\2\x28"), HELLO_UNEXPECTED_MESSAGE, "not a TLS handshake");
	assert_int_equal(parse((const uint8_t *)"OPTION", 6, &h), HELLO_AGAIN);
	hello_init(&h);
	assert_int_equal(hello_parse(NULL, 0, &h), HELLO_AGAIN);
}

static void bad_records_are_refused(void **state)
{
	(void)state;
	assert_raw_bad(RAW("\x16\2"), HELLO_PROTOCOL_VERSION, "unknown record version");
	assert_raw_bad(RAW("\x16\3\1\x40\1"), HELLO_RECORD_OVERFLOW, "record too long");
	assert_raw_bad(RAW("\x16\3\1\xff\xff"), HELLO_RECORD_OVERFLOW, "record too long");
	assert_raw_bad(RAW("\x16\3\1\0\0"), HELLO_UNEXPECTED_MESSAGE, "empty handshake record");
	assert_raw_bad(RAW("\x16\3\1\0\1\1\x16\3\1\0\0"), HELLO_UNEXPECTED_MESSAGE, "empty handshake record");
	assert_raw_bad(RAW("\x16\3\1\0\1\1\x17"), HELLO_UNEXPECTED_MESSAGE, "another record within the ClientHello");
	assert_raw_bad(RAW("\x16\3\1\0\1\1\x16\4"), HELLO_PROTOCOL_VERSION, "unknown record version");
	assert_raw_bad(RAW("\x16\3\1\1\0\2"), HELLO_UNEXPECTED_MESSAGE, "a handshake message that is no ClientHello");
	assert_raw_bad(RAW("\x16\3\1\0\4\1\0\0\0"), HELLO_DECODE_ERROR, "malformed ClientHello");
	assert_raw_bad(RAW("\x16\3\1\0\5\1\0\0\0\1"), HELLO_UNEXPECTED_MESSAGE, "more data in the ClientHello's record");
}

/* A good message of exactly so many bytes. */
static size_t long_message(uint8_t *msg, size_t cap, size_t size)
{
	static const uint8_t zeros[17000];
	struct sample *s = new_sample();
	size_t empty = message(s, msg, cap);

	add(s, 21, zeros, size - empty - 4);
	empty = message(s, msg, cap);
	free(s);
	return empty;
}

static void the_length_of_a_message_is_bounded(void **state)
{
	static uint8_t msg[20000], wire[70000];
	struct hello h;

	(void)state;
	assert_int_equal(long_message(msg, sizeof msg, HELLO_MAX_BYTES), HELLO_MAX_BYTES);
	size_t n = records(msg, HELLO_MAX_BYTES, 16384, wire, sizeof wire);
	assert_int_equal(parse(wire, n - 1, &h), HELLO_AGAIN);
	assert_int_equal(parse(wire, n, &h), HELLO_DONE);
	long_message(msg, sizeof msg, HELLO_MAX_BYTES + 1);
	/* refused as soon as its length is there */
	records(msg, 100, 100, wire, sizeof wire);
	assert_int_equal(parse(wire, 8, &h), HELLO_AGAIN);
	assert_raw_bad(wire, 9, HELLO_DECODE_ERROR, "ClientHello too long");
	/* whatever length it claims */
	memcpy(wire + 6, "\xff\xff\xff", 3);
	assert_raw_bad(wire, 9, HELLO_DECODE_ERROR, "ClientHello too long");
}

static void any_fragmentation_within_the_buffer_is_accepted(void **state)
{
	static uint8_t msg[20000], wire[130000];
	static const size_t each[] = { 1, 2, 3, 4, 5, 255, 1000, 16384 };
	struct hello whole, cut;

	(void)state;
	size_t size = long_message(msg, sizeof msg, 5000);
	assert_int_equal(parse(wire, records(msg, size, 16384, wire, sizeof wire), &whole), HELLO_DONE);
	for (size_t i = 0; i < sizeof each / sizeof each[0]; i++) {
		size_t n = records(msg, size, each[i], wire, sizeof wire);

		assert_int_equal(parse(wire, n, &cut), HELLO_DONE);
		assert_memory_equal(&whole, &cut, offsetof(struct hello, scan));
	}
}

static void too_many_records_are_refused_when_the_buffer_is_full(void **state)
{
	static uint8_t msg[20000], wire[130000];
	struct hello h;

	(void)state;
	size_t size = long_message(msg, sizeof msg, HELLO_MAX_BYTES);
	size_t n = records(msg, size, 1, wire, sizeof wire);
	assert_int_equal(parse(wire, HELLO_BUFFER_BYTES - 1, &h), HELLO_AGAIN);
	assert_raw_bad(wire, HELLO_BUFFER_BYTES, HELLO_RECORD_OVERFLOW, "ClientHello in too many records");
	assert_raw_bad(wire, n, HELLO_RECORD_OVERFLOW, "ClientHello in too many records");
	/* records of 6 bytes just fit: 2,731 headers */
	n = records(msg, size, 6, wire, sizeof wire);
	assert_true(n <= HELLO_BUFFER_BYTES);
	assert_int_equal(parse(wire, n, &h), HELLO_DONE);
}

static void bytes_of_later_records_are_left_alone(void **state)
{
	static uint8_t msg[1000], wire[2000];
	struct sample *s = new_sample();
	struct hello h;

	(void)state;
	size_t n = records(msg, message(s, msg, sizeof msg), 16384, wire, sizeof wire);
	free(s);
	memcpy(wire + n, "\x14\3\3\0\1\1garbage", 13);
	assert_int_equal(parse(wire, n + 13, &h), HELLO_DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_shorter_message_is_refused),
		cmocka_unit_test(what_is_no_tls_is_named),
		cmocka_unit_test(bad_records_are_refused),
		cmocka_unit_test(the_length_of_a_message_is_bounded),
		cmocka_unit_test(any_fragmentation_within_the_buffer_is_accepted),
		cmocka_unit_test(too_many_records_are_refused_when_the_buffer_is_full),
		cmocka_unit_test(bytes_of_later_records_are_left_alone),
	};
	return cmocka_run_group_tests_name("hello_records", tests, NULL, NULL);
}
