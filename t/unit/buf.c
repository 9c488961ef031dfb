/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests common/buf.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/buf.h"

static void integers_come_back(void **state)
{
	uint8_t mem[64];
	struct buf b;

	(void)state;
	buf_init(&b, mem, sizeof mem);
	buf_put_u8(&b, 0xfe);
	buf_put_u16(&b, 0x1234);
	buf_put_u32(&b, 0xdeadbeef);
	buf_put_u64(&b, 0x0102030405060708);
	assert_false(b.failed);
	assert_int_equal(b.size, 15);

	buf_init_read(&b, mem, b.size);
	assert_int_equal(buf_get_u8(&b), 0xfe);
	assert_int_equal(buf_get_u16(&b), 0x1234);
	assert_int_equal(buf_get_u32(&b), 0xdeadbeef);
	assert_true(buf_get_u64(&b) == 0x0102030405060708);
	assert_int_equal(buf_left(&b), 0);
	assert_false(b.failed);
}

static void a_put_past_the_capacity_fails_and_stays_failed(void **state)
{
	uint8_t mem[3];
	struct buf b;

	(void)state;
	buf_init(&b, mem, sizeof mem);
	buf_put_u32(&b, 1);
	assert_true(b.failed);
	buf_put_u8(&b, 1);
	assert_int_equal(b.size, 0);
}

static void a_get_past_the_size_gives_zero_and_fails(void **state)
{
	const uint8_t mem[2] = { 0xff, 0xff };
	struct buf b;

	(void)state;
	buf_init_read(&b, mem, sizeof mem);
	assert_int_equal(buf_get_u24(&b), 0);
	assert_true(b.failed);
	assert_null(buf_get_bytes(&b, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_come_back),
		cmocka_unit_test(a_put_past_the_capacity_fails_and_stays_failed),
		cmocka_unit_test(a_get_past_the_size_gives_zero_and_fails),
	};
	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
