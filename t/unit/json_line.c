/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/logger/json_line.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "t/unit/json_check.h"
#include "workers/logger/json_line.h"

static const char *json_of(const char *line)
{
	static char out[JSON_LINE_MAX + 1];
	struct logfmt f;

	assert_int_equal(logfmt_parse(&f, line, strlen(line)), 0);
	out[json_line(&f, out)] = '\0';
	assert_true(json_is_object(out));
	return out;
}

static void assert_json(const char *value, const char *expected)
{
	char line[300] = "ts=t level=info k=", wanted[300] = "{\"ts\":\"t\",\"level\":\"info\",\"k\":";

	strcat(line, value);
	strcat(strcat(wanted, expected), "}");
	assert_string_equal(json_of(line), wanted);
}

static void bare_numbers_are_numbers(void **state)
{
	static const char *const numbers[] = { "0", "-0", "7", "-12", "18446744073709551615", "0.000", "61.005", "-3.5" };
	static const char *const strings[] = { "007", "1.", ".5", "-", "1.2.3", "1e5", "0x10", "+1", "12a", "--1", "1-" };
	char expected[100];

	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		assert_json(numbers[i], numbers[i]);
	for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
		strcat(strcat(strcpy(expected, "\""), strings[i]), "\"");
		assert_json(strings[i], expected);
	}
	assert_json("\"12\"", "\"12\"");
}

static void strings_are_escaped(void **state)
{
	(void)state;
	assert_json("\"\"", "\"\"");
	assert_json("\"a \\\"b\\\" \\\\ /\"", "\"a \\\"b\\\" \\\\ /\"");
	assert_json("\"\\n\\x00\\x1b\\x7f\"", "\"\\n\\u0000\\u001b\\u007f\"");
}

static void utf8_becomes_code_points_and_other_bytes_themselves(void **state)
{
	(void)state;
	assert_json("\"\\xc3\\xa9\"", "\"\\u00e9\"");
	assert_json("\"\\xe2\\x82\\xac\"", "\"\\u20ac\"");
	assert_json("\"\\xf0\\x9f\\x98\\x80\"", "\"\\ud83d\\ude00\"");
	assert_json("\"\\xf4\\x8f\\xbf\\xbf\"", "\"\\udbff\\udfff\"");
	assert_json("\"\\xff\"", "\"\\u00ff\"");
	assert_json("\"\\xc3\"", "\"\\u00c3\"");
	assert_json("\"\\xc3a\"", "\"\\u00c3a\"");
	assert_json("\"\\x80\\xbf\"", "\"\\u0080\\u00bf\"");
	assert_json("\"\\xc0\\x80\"", "\"\\u00c0\\u0080\"");			/* overlong */
	assert_json("\"\\xe0\\x80\\x80\"", "\"\\u00e0\\u0080\\u0080\"");
	assert_json("\"\\xed\\xa0\\x80\"", "\"\\u00ed\\u00a0\\u0080\"");	/* a surrogate */
	assert_json("\"\\xf4\\x90\\x80\\x80\"", "\"\\u00f4\\u0090\\u0080\\u0080\"");	/* past U+10FFFF */
	assert_json("\"\\xf8\\x88\\x80\\x80\\x80\"", "\"\\u00f8\\u0088\\u0080\\u0080\\u0080\"");
}

static void the_longest_line_fits(void **state)
{
	char line[LOG_LINE_MAX + 8] = "ts=t level=info";
	size_t n = strlen(line);

	(void)state;
	for (int i = 2; i < LOGFMT_PAIRS_MAX - 1; i++, n += 4)
		memcpy(line + n, " k=v", 4);
	memcpy(line + n, " k=\"", 4);
	for (n += 4; n + 5 < LOG_LINE_MAX; n += 4)
		memcpy(line + n, "\\xff", 4);
	memcpy(line + n, "\"", 2);
	size_t size = strlen(json_of(line));
	assert_in_range(size, LOG_LINE_MAX, JSON_LINE_MAX);
}

static void every_line_becomes_an_object(void **state)
{
	char value[1000];
	struct log_line l;

	(void)state;
	srandom(3);
	for (int round = 0; round < 2000; round++) {
		size_t size = (size_t)random() % sizeof value;
		for (size_t i = 0; i < size; i++)
			value[i] = (char)(random() >> 8);
		log_begin(&l, LOG_LEVEL_ERROR, "a message");
		log_bytes(&l, "value", value, size);
		l.text[l.size] = '\0';
		json_of(l.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bare_numbers_are_numbers),
		cmocka_unit_test(strings_are_escaped),
		cmocka_unit_test(utf8_becomes_code_points_and_other_bytes_themselves),
		cmocka_unit_test(the_longest_line_fits),
		cmocka_unit_test(every_line_becomes_an_object),
	};
	return cmocka_run_group_tests_name("json_line", tests, NULL, NULL);
}
