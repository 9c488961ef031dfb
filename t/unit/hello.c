/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests workers/worker/hello.c and hello_offers.c, with a ClientHello built piece by piece and
 * with the corpus of t/fuzz (what a file there must give is in its name).
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/buf.h"
#include "workers/worker/hello.h"

/* What a test varies; the rest is a plain, good ClientHello. */
struct sample {
	uint16_t version;
	uint16_t ciphers[300];
	size_t n_ciphers;
	size_t session_id_bytes;
	uint8_t compression;
	bool no_extensions;
	uint8_t ext_mem[20000];
	struct buf ext;
};

static struct sample *new_sample(void)
{
	struct sample *s = calloc(1, sizeof *s);

	assert_non_null(s);
	s->version = 0x0303;
	s->ciphers[0] = 0x1301;
	s->n_ciphers = 1;
	buf_init(&s->ext, s->ext_mem, sizeof s->ext_mem);
	return s;
}

static void add(struct sample *s, uint16_t type, const void *body, size_t size)
{
	buf_put_u16(&s->ext, type);
	buf_put_u16(&s->ext, (uint16_t)size);
	buf_put_bytes(&s->ext, body, size);
}

static void add_name(struct sample *s, const char *name, size_t size)
{
	buf_put_u16(&s->ext, 0);
	buf_put_u16(&s->ext, (uint16_t)(size + 5));
	buf_put_u16(&s->ext, (uint16_t)(size + 3));
	buf_put_u8(&s->ext, 0);
	buf_put_u16(&s->ext, (uint16_t)size);
	buf_put_bytes(&s->ext, name, size);
}

static void add_numbers(struct sample *s, uint16_t type, size_t count, const uint16_t *list)
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

#define NUMBERS(s, type, ...) \
	add_numbers(s, type, sizeof((uint16_t[]){ __VA_ARGS__ }) / 2, (uint16_t[]){ __VA_ARGS__ })

/* The handshake message with its header. */
static size_t message(const struct sample *s, uint8_t *out, size_t cap)
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
static size_t records(const uint8_t *msg, size_t size, size_t each, uint8_t *out, size_t cap)
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
static enum hello_result parse_copy(const uint8_t *data, size_t size, struct hello *h)
{
	uint8_t *copy = malloc(size ? size : 1);

	assert_non_null(copy);
	memcpy(copy, data, size);
	enum hello_result r = hello_parse(copy, size, h);
	free(copy);
	return r;
}

static enum hello_result parse(const uint8_t *data, size_t size, struct hello *h)
{
	hello_init(h);
	return parse_copy(data, size, h);
}

/* Parses and frees the sample. */
static enum hello_result parse_sample(struct sample *s, struct hello *h)
{
	static uint8_t msg[70000], wire[70000];
	size_t size = message(s, msg, sizeof msg);

	free(s);
	return parse(wire, records(msg, size, 16384, wire, sizeof wire), h);
}

static void assert_bad(struct sample *s, enum hello_alert alert, const char *why)
{
	struct hello h;

	assert_int_equal(parse_sample(s, &h), HELLO_BAD);
	assert_string_equal(h.why, why);
	assert_int_equal(h.alert, alert);
}

static void assert_raw_bad(const void *data, size_t size, enum hello_alert alert, const char *why)
{
	struct hello h;

	assert_int_equal(parse(data, size, &h), HELLO_BAD);
	assert_string_equal(h.why, why);
	assert_int_equal(h.alert, alert);
}

/* NULL: the client named none. */
static void assert_sni(const char *name, size_t size, const char *sni)
{
	struct sample *s = new_sample();
	struct hello h;

	add_name(s, name, size);
	assert_int_equal(parse_sample(s, &h), HELLO_DONE);
	assert_int_equal(h.has_sni, sni != NULL);
	assert_string_equal(h.sni, sni ? sni : "");
}

static void assert_bad_sni(const char *name, size_t size, const char *why)
{
	struct sample *s = new_sample();

	add_name(s, name, size);
	assert_bad(s, HELLO_ILLEGAL_PARAMETER, why);
}

static void fill_name(char *name, size_t size)
{
	for (size_t i = 0; i < size; i++)
		name[i] = i % 50 == 49 ? '.' : 'a';
}

/* Host names */

static void names_are_normalized(void **state)
{
	char name[255] = "";

	(void)state;
	assert_sni("a.example.org", 13, "a.example.org");
	assert_sni("A.eXample.ORG", 13, "a.example.org");
	assert_sni("a.example.org.", 14, "a.example.org");
	assert_sni("_x-1.localhost", 14, "_x-1.localhost");
	fill_name(name, 253);
	assert_sni(name, 253, name);
	char dotted[256];
	snprintf(dotted, sizeof dotted, "%s.", name);
	assert_sni(dotted, 254, name);
}

static void literals_count_as_no_name(void **state)
{
	(void)state;
	assert_sni("127.0.0.1", 9, NULL);
	assert_sni("127.0.0.1.", 10, NULL);
	assert_sni("::1", 3, NULL);
	assert_sni("2001:DB8::1", 11, NULL);
	assert_sni("1.2.3.4.example", 15, "1.2.3.4.example");
}

static void odd_names_are_refused(void **state)
{
	char name[255];
	static const char *const odd[] = {
		"a b", "a..b", ".a", "a..", "*.example.org", "b\xc3\xbc.de", "a/b", "[::1]",
		"a\n", "fe80::1%lo", "a:443", "1.2.3.4:443",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b",
	};

	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
		assert_bad_sni(odd[i], strlen(odd[i]), "SNI is no host name");
	assert_bad_sni("a\0b", 3, "SNI is no host name");
	assert_bad_sni("127.0.0.1\0", 10, "SNI is no host name");
	assert_bad_sni("", 0, "empty SNI");
	assert_bad_sni(".", 1, "empty SNI");
	fill_name(name, 255);
	assert_bad_sni(name, 254, "SNI too long");
	assert_bad_sni(name, 255, "SNI too long");
}

static void name_lists_are_checked(void **state)
{
	struct hello h;
	struct sample *s = new_sample();

	(void)state;
	add(s, 0, "\0\x08\0\0\1a\0\0\1b", 10);
	assert_bad(s, HELLO_ILLEGAL_PARAMETER, "several names in the SNI");
	s = new_sample();	/* a name type of the future beside it */
	add(s, 0, "\0\x08\7\0\1?\0\0\1b", 10);
	assert_int_equal(parse_sample(s, &h), HELLO_DONE);
	assert_string_equal(h.sni, "b");

	static const struct { const char *body; size_t size; } malformed[] = {
		{ "", 0 }, { "\0", 1 }, { "\0\0", 2 }, { "\0\1\0", 3 }, { "\0\4\0\0\2a", 6 },
		{ "\0\5\0\0\1a", 6 }, { "\0\4\0\0\1aa", 7 }, { "\0\5\0\0\1a\0", 7 },
	};
	for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
		s = new_sample();
		add(s, 0, malformed[i].body, malformed[i].size);
		assert_bad(s, HELLO_DECODE_ERROR, "malformed server_name");
	}
}

/* Lists */

static void lists_come_in_order_and_without_grease(void **state)
{
	struct sample *s = new_sample();
	struct hello h;

	(void)state;
	memcpy(s->ciphers, (uint16_t[]){ 0x3a3a, 0x1301, 0xc02b, 0xfafa }, 8);
	s->n_ciphers = 4;
	NUMBERS(s, 0x1a1a, 0);
	NUMBERS(s, 43, 0x0a0a, 0x0304, 0x0303);
	NUMBERS(s, 13, 0x0403, 0x0804);
	NUMBERS(s, 10, 0xcaca, 29, 23, 0x0a1a);
	add(s, 16, "\0\x0f\2\x8a\x8a\2h2\x08http/1.1", 17);
	assert_int_equal(parse_sample(s, &h), HELLO_DONE);
	assert_false(h.has_sni);
	assert_int_equal(h.legacy_version, 0x0303);
	assert_int_equal(h.n_ciphers, 2);
	assert_int_equal(h.ciphers[0], 0x1301);
	assert_int_equal(h.ciphers[1], 0xc02b);
	assert_int_equal(h.n_versions, 2);
	assert_int_equal(h.versions[0], 0x0304);
	assert_true(hello_offers_version(&h, 0x0303));
	assert_false(hello_offers_version(&h, 0x0a0a));
	assert_int_equal(h.n_signatures, 2);
	assert_int_equal(h.n_groups, 3);
	assert_int_equal(h.groups[2], 0x0a1a);
	assert_int_equal(h.n_alpn, 2);
	assert_true(hello_offers_alpn(&h, "h2", 2));
	assert_true(hello_offers_alpn(&h, "http/1.1", 8));
	assert_false(hello_offers_alpn(&h, "http/1.0", 8));
	assert_false(hello_offers_alpn(&h, "h", 1));
	assert_false(hello_offers_alpn(&h, "\x8a\x8a", 2));
}

static void surplus_in_lists_is_ignored(void **state)
{
	uint16_t many[127];
	struct sample *s = new_sample();
	struct hello h;

	(void)state;
	for (size_t i = 0; i < 127; i++)
		many[i] = (uint16_t)(i + 1);
	for (s->n_ciphers = 0; s->n_ciphers < 300; s->n_ciphers++)
		s->ciphers[s->n_ciphers] = (uint16_t)(s->n_ciphers + 1);
	add_numbers(s, 43, 127, many);
	add_numbers(s, 13, 127, many);
	add_numbers(s, 10, 127, many);
	assert_int_equal(parse_sample(s, &h), HELLO_DONE);
	assert_int_equal(h.n_ciphers, HELLO_CIPHERS_MAX);
	assert_int_equal(h.ciphers[HELLO_CIPHERS_MAX - 1], HELLO_CIPHERS_MAX);
	assert_int_equal(h.n_versions, HELLO_VERSIONS_MAX);
	assert_int_equal(h.n_signatures, HELLO_SIGNATURES_MAX);
	assert_int_equal(h.n_groups, HELLO_GROUPS_MAX);
}

static void surplus_in_alpn_is_ignored(void **state)
{
	static uint8_t body[4096];
	struct sample *s = new_sample();
	struct hello h;
	struct buf b;

	(void)state;
	buf_init(&b, body, sizeof body);
	buf_put_u16(&b, 3 * 256 + 3);
	for (int i = 0; i < 3; i++) {
		uint8_t name[255];

		memset(name, 'a' + i, sizeof name);
		buf_put_u8(&b, sizeof name);
		buf_put_bytes(&b, name, sizeof name);
	}
	buf_put_bytes(&b, "\2h2", 3);
	add(s, 16, body, b.size);
	assert_int_equal(parse_sample(s, &h), HELLO_DONE);
	assert_int_equal(h.n_alpn, 3);	/* the third long one had no room */
	assert_true(hello_offers_alpn(&h, "h2", 2));

	s = new_sample();
	buf_init(&b, body, sizeof body);
	buf_put_u16(&b, 100 * 2);
	for (int i = 0; i < 100; i++)
		buf_put_u16(&b, (uint16_t)(0x0100 + i));
	add(s, 16, body, b.size);
	assert_int_equal(parse_sample(s, &h), HELLO_DONE);
	assert_int_equal(h.n_alpn, HELLO_ALPN_MAX);
}

static void without_supported_versions_it_is_at_most_tls_1_2(void **state)
{
	struct hello h;

	(void)state;
	for (uint16_t v = 0x0300; v < 0x0306; v++) {
		struct sample *s = new_sample();

		s->version = v;
		s->no_extensions = true;
		assert_int_equal(parse_sample(s, &h), HELLO_DONE);
		assert_int_equal(h.legacy_version, v);
		assert_int_equal(h.n_versions, 1);
		assert_int_equal(h.versions[0], v < 0x0303 ? v : 0x0303);
	}
}

static void tickets_and_keys_are_seen(void **state)
{
	struct sample *s = new_sample();
	struct hello h;

	(void)state;
	add(s, 35, "", 0);
	assert_int_equal(parse_sample(s, &h), HELLO_DONE);
	assert_true(h.session_ticket && !h.pre_shared_key && !h.resumes);
	s = new_sample();
	add(s, 35, "x", 1);
	assert_int_equal(parse_sample(s, &h), HELLO_DONE);
	assert_true(h.session_ticket && h.resumes);
	s = new_sample();
	add(s, 41, "x", 1);
	assert_int_equal(parse_sample(s, &h), HELLO_DONE);
	assert_true(h.pre_shared_key && h.resumes && !h.session_ticket);
	s = new_sample();
	add(s, 41, "x", 1);
	add(s, 35, "", 0);
	assert_bad(s, HELLO_ILLEGAL_PARAMETER, "pre_shared_key is not the last extension");
}

/* A body that does not fit its type */

static void malformed_extensions_are_refused(void **state)
{
	static const struct { uint16_t type; const char *body; size_t size; const char *why; } rows[] = {
		{ 16, "", 0, "malformed ALPN" },
		{ 16, "\0\0", 2, "malformed ALPN" },
		{ 16, "\0\1\0", 3, "malformed ALPN" },
		{ 16, "\0\2\2h", 4, "malformed ALPN" },
		{ 16, "\0\3\2h2x", 6, "malformed ALPN" },
		{ 43, "", 0, "malformed supported_versions" },
		{ 43, "\0", 1, "malformed supported_versions" },
		{ 43, "\1\3", 2, "malformed supported_versions" },
		{ 43, "\2\3\4x", 4, "malformed supported_versions" },
		{ 43, "\4\3\4", 3, "malformed supported_versions" },
		{ 10, "\0\0", 2, "malformed supported_groups" },
		{ 10, "\0\3\0\x17\0", 5, "malformed supported_groups" },
		{ 10, "\0\2\0\x17\0", 5, "malformed supported_groups" },
		{ 13, "\0\0", 2, "malformed signature_algorithms" },
		{ 13, "\0\4\4\3", 4, "malformed signature_algorithms" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sample *s = new_sample();

		add(s, rows[i].type, rows[i].body, rows[i].size);
		assert_bad(s, HELLO_DECODE_ERROR, rows[i].why);
	}
}

static void an_extension_twice_is_refused(void **state)
{
	static const uint16_t types[] = { 0x0017, 0x1a1a, 0xffff, 35 };

	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		struct sample *s = new_sample();

		add(s, types[i], "", 0);
		add(s, 1, "", 0);
		add(s, types[i], "x", 1);
		assert_bad(s, HELLO_ILLEGAL_PARAMETER, "an extension comes twice");
	}
}

static void malformed_fields_are_refused(void **state)
{
	struct sample *s = new_sample();

	(void)state;
	s->session_id_bytes = 33;
	assert_bad(s, HELLO_DECODE_ERROR, "malformed ClientHello");
	s = new_sample();
	s->n_ciphers = 0;
	assert_bad(s, HELLO_DECODE_ERROR, "malformed cipher suites");
	s = new_sample();
	s->compression = 1;
	assert_bad(s, HELLO_ILLEGAL_PARAMETER, "no null compression");
	s = new_sample();
	s->version = 0x0203;
	assert_bad(s, HELLO_PROTOCOL_VERSION, "unknown version in the ClientHello");
	s = new_sample();
	buf_put_u16(&s->ext, 5);	/* an extension without a length */
	assert_bad(s, HELLO_DECODE_ERROR, "extensions of a wrong length");
	s = new_sample();
	buf_put_u32(&s->ext, 0x00050001);	/* one byte too few */
	assert_bad(s, HELLO_DECODE_ERROR, "extensions of a wrong length");
}

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

/* Which certificates */

struct offer {
	uint16_t versions[2];
	uint16_t ciphers[3];
	uint16_t signatures[3];
	uint16_t groups[2];
	bool p256, p384, rsa, ed25519;
};

static size_t count(const uint16_t *list, size_t max)
{
	size_t n = 0;

	while (n < max && list[n])
		n++;
	return n;
}

static void certificates_are_chosen_by_what_is_offered(void **state)
{
	static const struct offer rows[] = {
		/* TLS 1.3: schemes alone */
		{ { 0x304 }, { 0x1301 }, { 0x403 }, { 29 }, .p256 = true },
		{ { 0x304, 0x303 }, { 0x1301, 0xc02b }, { 0x503 }, { 23, 24 }, .p384 = true },
		{ { 0x304 }, { 0x1301 }, { 0x804 }, { 23 }, .rsa = true },
		{ { 0x304 }, { 0x1301 }, { 0x403, 0x806, 0x807 }, { 23 }, .p256 = true, .rsa = true, .ed25519 = true },
		/* PKCS #1 is for TLS 1.2 only, and TLS 1.3 is what it will be */
		{ { 0x304, 0x303 }, { 0x1301, 0xc02f }, { 0x401 }, { 23 }, .rsa = false },
		{ { 0x304 }, { 0x1301 }, { 0 }, { 23 }, .rsa = false },
		/* TLS 1.2: suite, signature, group */
		{ { 0x303 }, { 0xc02b }, { 0x403 }, { 23 }, .p256 = true },
		{ { 0x303 }, { 0xc02b }, { 0x403 }, { 24, 23 }, .p256 = true, .p384 = true },
		{ { 0x303 }, { 0xc02b }, { 0x403 }, { 29 }, .p256 = false },
		{ { 0x303 }, { 0xc02b }, { 0x403 }, { 0 }, .p256 = false },
		{ { 0x303 }, { 0xc02f }, { 0x403 }, { 23 }, .p256 = false },
		{ { 0x303 }, { 0xc02b, 0xc02f }, { 0x401 }, { 23 }, .rsa = true },
		{ { 0x303 }, { 0xc02f }, { 0x804 }, { 23 }, .rsa = true },
		{ { 0x303 }, { 0xc02b }, { 0x401 }, { 23 }, .rsa = false },
		{ { 0x303 }, { 0xc02b }, { 0x807 }, { 29 }, .ed25519 = true },
		{ { 0x303 }, { 0xc02f }, { 0x807 }, { 29 }, .ed25519 = false },
		/* SHA-1, stated or implied */
		{ { 0x303 }, { 0xc02b, 0xc02f }, { 0x203, 0x201 }, { 23 }, .p256 = false },
		{ { 0x303 }, { 0xc02b, 0xc02f }, { 0 }, { 23 }, .p256 = false },
		/* nothing before TLS 1.2 */
		{ { 0x302 }, { 0xc00a, 0xc014 }, { 0x403, 0x401, 0x807 }, { 23 }, .p256 = false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct offer *o = &rows[i];
		struct sample *s = new_sample();
		struct hello h;

		s->n_ciphers = count(o->ciphers, 3);
		memcpy(s->ciphers, o->ciphers, sizeof o->ciphers);
		add_numbers(s, 43, count(o->versions, 2), o->versions);
		if (o->signatures[0])
			add_numbers(s, 13, count(o->signatures, 3), o->signatures);
		if (o->groups[0])
			add_numbers(s, 10, count(o->groups, 2), o->groups);
		assert_int_equal(parse_sample(s, &h), HELLO_DONE);
		print_message("# offer %zu\n", i);
		assert_int_equal(hello_accepts_ecdsa(&h, 23), o->p256);
		assert_int_equal(hello_accepts_ecdsa(&h, 24), o->p384);
		assert_false(hello_accepts_ecdsa(&h, 25));
		assert_false(hello_accepts_ecdsa(&h, 29));
		assert_int_equal(hello_accepts_rsa(&h), o->rsa);
		assert_int_equal(hello_accepts_ed25519(&h), o->ed25519);
	}
}

/* The corpus */

static void replay(const char *path, const char *name)
{
	static uint8_t data[65536];
	struct hello whole, bytewise;
	FILE *f = fopen(path, "rb");

	assert_non_null(f);
	size_t size = fread(data, 1, sizeof data, f);
	fclose(f);
	print_message("# %s\n", name);

	enum hello_result r = parse(data, size, &whole), step = HELLO_AGAIN;
	assert_int_equal(r, strncmp(name, "done-", 5) == 0 ? HELLO_DONE :
			 strncmp(name, "bad-", 4) == 0 ? HELLO_BAD : HELLO_AGAIN);
	hello_init(&bytewise);
	for (size_t n = 0; n <= size && step == HELLO_AGAIN; n++)
		step = parse_copy(data, n, &bytewise);
	assert_int_equal(step, r);
	assert_memory_equal(&whole, &bytewise, offsetof(struct hello, scan));
	if (r == HELLO_DONE && !strstr(name, "no-sni") && !strstr(name, "literal"))
		assert_string_equal(whole.sni + 1, ".example.org");
	else
		assert_false(whole.has_sni);
}

static void every_file_of_the_corpus_gives_what_its_name_says(void **state)
{
	const char *src = getenv("TLSWARD_SRC");
	char dir[4096], path[8192];
	size_t files = 0;

	(void)state;
	snprintf(dir, sizeof dir, "%s/t/fuzz/hello-corpus", src ? src : ".");
	DIR *d = opendir(dir);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)); ) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		replay(path, e->d_name);
		files++;
	}
	closedir(d);
	assert_true(files >= 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_normalized),
		cmocka_unit_test(literals_count_as_no_name),
		cmocka_unit_test(odd_names_are_refused),
		cmocka_unit_test(name_lists_are_checked),
		cmocka_unit_test(lists_come_in_order_and_without_grease),
		cmocka_unit_test(surplus_in_lists_is_ignored),
		cmocka_unit_test(surplus_in_alpn_is_ignored),
		cmocka_unit_test(without_supported_versions_it_is_at_most_tls_1_2),
		cmocka_unit_test(tickets_and_keys_are_seen),
		cmocka_unit_test(malformed_extensions_are_refused),
		cmocka_unit_test(an_extension_twice_is_refused),
		cmocka_unit_test(malformed_fields_are_refused),
		cmocka_unit_test(every_shorter_message_is_refused),
		cmocka_unit_test(what_is_no_tls_is_named),
		cmocka_unit_test(bad_records_are_refused),
		cmocka_unit_test(the_length_of_a_message_is_bounded),
		cmocka_unit_test(any_fragmentation_within_the_buffer_is_accepted),
		cmocka_unit_test(too_many_records_are_refused_when_the_buffer_is_full),
		cmocka_unit_test(bytes_of_later_records_are_left_alone),
		cmocka_unit_test(certificates_are_chosen_by_what_is_offered),
		cmocka_unit_test(every_file_of_the_corpus_gives_what_its_name_says),
	};
	return cmocka_run_group_tests_name("hello", tests, NULL, NULL);
}
