/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor/backoff.h"

static void first_death_is_answered_at_once(void **state)
{
	struct backoff b = { 0 };

	(void)state;
	assert_int_equal(backoff_after_death(&b, 5), 0);
}

static void deaths_in_a_row_double_the_wait(void **state)
{
	static const uint32_t waits[] = { 0, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000 };
	struct backoff b = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++)
		assert_int_equal(backoff_after_death(&b, 59999), waits[i]);
}

static void a_healthy_life_forgets(void **state)
{
	struct backoff b = { 0 };

	(void)state;
	for (int i = 0; i < 6; i++)
		backoff_after_death(&b, 0);
	assert_int_equal(backoff_after_death(&b, 60000), 0);
	assert_int_equal(backoff_after_death(&b, 0), 100);
}

static void thousands_of_deaths_stay_at_the_longest_wait(void **state)
{
	struct backoff b = { 0 };

	(void)state;
	for (int i = 0; i < 5000; i++)
		backoff_after_death(&b, 1);
	assert_int_equal(backoff_after_death(&b, 1), BACKOFF_MAX_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_death_is_answered_at_once),
		cmocka_unit_test(deaths_in_a_row_double_the_wait),
		cmocka_unit_test(a_healthy_life_forgets),
		cmocka_unit_test(thousands_of_deaths_stay_at_the_longest_wait),
	};

	return cmocka_run_group_tests_name("backoff", tests, NULL, NULL);
}
