/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "common/text.h"

static char place[9];

static int setup(void **state)
{
	(void)state;
	memset(place, '#', sizeof place);
	return 0;
}

static void what_fits_is_copied_and_the_rest_cut(void **state)
{
	(void)state;
	text_copy(place, 8, "");
	assert_string_equal(place, "");
	text_copy(place, 8, "seven..");
	assert_string_equal(place, "seven..");
	text_copy(place, 8, "eight...");
	assert_string_equal(place, "eight..");
	text_copy(place, 1, "none");
	assert_string_equal(place, "");
	assert_int_equal(place[8], '#');
}

static void parts_are_joined_and_cut_as_one(void **state)
{
	(void)state;
	text_join(place, 8, "a", "", "bc", NULL);
	assert_string_equal(place, "abc");
	text_join(place, 8, "abcd", "efgh", "ijkl", NULL);
	assert_string_equal(place, "abcdefg");
	assert_int_equal(place[8], '#');
}

static void assert_decimal(uint64_t value, size_t least, const char *wanted)
{
	char text[TEXT_DECIMAL];

	assert_int_equal(text_decimal(text, value, least), strlen(wanted));
	assert_memory_equal(text, wanted, strlen(wanted));
}

static void numbers_are_decimal(void **state)
{
	(void)state;
	assert_decimal(0, 1, "0");
	assert_decimal(7, 3, "007");
	assert_decimal(1234, 3, "1234");
	assert_decimal(UINT64_MAX, 1, "18446744073709551615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_fits_is_copied_and_the_rest_cut, setup),
		cmocka_unit_test_setup(parts_are_joined_and_cut_as_one, setup),
		cmocka_unit_test(numbers_are_decimal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
