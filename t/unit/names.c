/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests common/names.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "common/names.h"

static bool good(const char *name, bool wildcard, const char *expected)
{
	char out[NAME_BYTES];

	if (!name_normalize(name, strlen(name), wildcard, out))
		return false;
	assert_string_equal(out, expected);
	return true;
}

static bool bad(const char *name)
{
	char out[NAME_BYTES];

	return !name_normalize(name, strlen(name), false, out) && !name_normalize(name, strlen(name), true, out);
}

static void names_come_out_in_one_form(void **state)
{
	(void)state;
	assert_true(good("Example.ORG", false, "example.org"));
	assert_true(good("example.org.", false, "example.org"));
	assert_true(good("a", false, "a"));
	assert_true(good("xn--bcher-kva.example", false, "xn--bcher-kva.example"));
	assert_true(good("_dmarc.a-b.example", false, "_dmarc.a-b.example"));
}

static void what_is_no_host_name_is_refused(void **state)
{
	static const char *const names[] = {
		"", ".", "..", "a..b", ".a", "a b", "a/b", "a\n", "b\303\274cher.example", "a*.example",
		"*", "*.", "*..", "**.example", "a.*.example", "a\"b", "[::1]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_true(bad(names[i]));
	char out[NAME_BYTES];
	assert_false(name_normalize("a\0b", 3, false, out));
	assert_false(name_normalize("ab\0", 3, false, out));
}

static void a_star_is_taken_where_it_is_allowed(void **state)
{
	(void)state;
	assert_true(good("*.Example.org", true, "*.example.org"));
	assert_false(good("*.example.org", false, ""));
}

static void lengths_are_bounded(void **state)
{
	char name[300], out[NAME_BYTES];

	(void)state;
	memset(name, 'a', sizeof name);
	assert_true(name_normalize(name, 63, false, out));
	assert_false(name_normalize(name, 64, false, out));
	for (size_t i = 50; i < sizeof name; i += 50)
		name[i] = '.';
	assert_true(name_normalize(name, 253, false, out));
	assert_int_equal(strlen(out), 253);
	assert_false(name_normalize(name, 254, false, out));
	name[253] = '.';
	assert_true(name_normalize(name, 254, false, out));
	assert_false(name_normalize(name, 300, false, out));
}

static void addresses_are_known(void **state)
{
	(void)state;
	assert_true(name_is_ip("192.0.2.1"));
	assert_true(name_is_ip("2001:db8::1"));
	assert_false(name_is_ip("192.0.2.1.example"));
	assert_false(name_is_ip("192.0.2"));
	assert_false(name_is_ip(""));
}

static void a_wildcard_takes_the_place_of_one_label(void **state)
{
	char out[NAME_BYTES];

	(void)state;
	assert_true(name_wildcard("a.example.org", out));
	assert_string_equal(out, "*.example.org");
	assert_true(name_wildcard("a.b.example.org", out));
	assert_string_equal(out, "*.b.example.org");
	assert_false(name_wildcard("localhost", out));
	assert_false(name_wildcard("a.", out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_come_out_in_one_form),
		cmocka_unit_test(what_is_no_host_name_is_refused),
		cmocka_unit_test(a_star_is_taken_where_it_is_allowed),
		cmocka_unit_test(lengths_are_bounded),
		cmocka_unit_test(addresses_are_known),
		cmocka_unit_test(a_wildcard_takes_the_place_of_one_label),
	};
	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
