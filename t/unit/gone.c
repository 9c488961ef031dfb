/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/worker/gone.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "workers/worker/gone.h"

/* A record of that type and size at at; returns what follows it. */
static uint8_t *put(uint8_t *at, uint8_t type, uint16_t size)
{
	const uint8_t head[5] = { type, 3, 3, (uint8_t)(size >> 8), (uint8_t)size };

	memcpy(at, head, sizeof head);
	memset(at + sizeof head, 0xff, size);
	return at + sizeof head + size;
}

static void alerts_are_found_behind_other_records(void **state)
{
	uint8_t data[200], *end;

	(void)state;
	end = put(data, 21, 2);
	assert_true(gone_says_why(data, (size_t)(end - data)));
	end = put(put(data, 20, 1), 21, 26);
	assert_true(gone_says_why(data, (size_t)(end - data)));
	end = put(put(data, 20, 1), 23, 19);
	assert_true(gone_says_why(data, (size_t)(end - data)));
}

static void a_flight_says_nothing(void **state)
{
	uint8_t data[400], *end;

	(void)state;
	end = put(put(data, 20, 1), 23, 53);
	assert_false(gone_says_why(data, (size_t)(end - data)));
	end = put(put(put(data, 22, 70), 20, 1), 22, 40);
	assert_false(gone_says_why(data, (size_t)(end - data)));
	assert_false(gone_says_why(data, 0));
}

static void nothing_is_read_beyond_the_end(void **state)
{
	uint8_t data[200];

	(void)state;
	put(put(data, 22, 70), 21, 2);
	for (size_t size = 0; size < 75 + 5; size++)
		assert_false(gone_says_why(data, size));
	/* Its header is enough. */
	assert_true(gone_says_why(data, 75 + 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alerts_are_found_behind_other_records),
		cmocka_unit_test(a_flight_says_nothing),
		cmocka_unit_test(nothing_is_read_beyond_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
