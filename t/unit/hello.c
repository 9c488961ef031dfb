/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests workers/worker/hello.c: names, lists and fields of a ClientHello, and the corpus of
 * t/fuzz (what a file there must give is in its name).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "t/unit/corpus.h"
#include "t/unit/hello_sample.h"

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

/* The corpus */

static void replay(const char *name, const uint8_t *data, size_t size)
{
	struct hello whole, bytewise;
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
	(void)state;
	assert_true(corpus_each("hello", replay) >= 30);
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
		cmocka_unit_test(every_file_of_the_corpus_gives_what_its_name_says),
	};
	return cmocka_run_group_tests_name("hello", tests, NULL, NULL);
}
