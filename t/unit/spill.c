/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/worker/spill.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "workers/worker/spill.h"

static void bytes_leave_in_order_and_are_counted(void **state)
{
	struct spill s = { 0 };
	size_t total = 0, sent;
	char got[16];
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(spill_append(&s, "abc", 3, 10, &total), 0);
	assert_int_equal(spill_append(&s, "def", 3, 10, &total), 0);
	assert_int_equal(total, 6);
	assert_int_equal(spill_flush(&s, fds[0], &sent, &total), 0);
	assert_int_equal(sent, 6);
	assert_int_equal(total, 0);
	assert_null(s.data);
	assert_int_equal(read(fds[1], got, sizeof got), 6);
	assert_memory_equal(got, "abcdef", 6);
	close(fds[0]);
	close(fds[1]);
}

static void more_than_the_limit_is_refused_and_nothing_changes(void **state)
{
	struct spill s = { 0 };
	size_t total = 0;

	(void)state;
	assert_int_equal(spill_append(&s, "abcdef", 6, 8, &total), 0);
	assert_int_equal(spill_append(&s, "ghi", 3, 8, &total), -EFBIG);
	assert_int_equal(spill_left(&s), 6);
	assert_int_equal(total, 6);
	spill_clear(&s, &total);
	assert_int_equal(total, 0);
}

static void what_a_full_socket_leaves_goes_later_intact(void **state)
{
	static uint8_t data[1 << 20], got[1 << 20];
	struct spill s = { 0 };
	size_t total = 0, sent, size = 0;
	int fds[2], again = 0;

	(void)state;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(spill_append(&s, data, sizeof data / 2, sizeof data, &total), 0);
	assert_int_equal(spill_flush(&s, fds[0], &sent, &total), -EAGAIN);
	assert_int_equal(spill_append(&s, data + sizeof data / 2, sizeof data / 2, sizeof data, &total), 0);
	while (size < sizeof got) {
		ssize_t n = read(fds[1], got + size, sizeof got - size);
		if (n > 0)
			size += (size_t)n;
		int rc = spill_flush(&s, fds[0], &sent, &total);
		assert_true(rc == 0 || rc == -EAGAIN);
		again += rc == -EAGAIN;
		assert_int_equal(total, spill_left(&s));
	}
	assert_true(again > 0);
	assert_memory_equal(got, data, sizeof data);
	close(fds[1]);
	assert_int_equal(spill_append(&s, "x", 1, 8, &total), 0);
	assert_int_equal(spill_flush(&s, fds[0], &sent, &total), -EPIPE);
	spill_clear(&s, &total);
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_leave_in_order_and_are_counted),
		cmocka_unit_test(more_than_the_limit_is_refused_and_nothing_changes),
		cmocka_unit_test(what_a_full_socket_leaves_goes_later_intact),
	};
	return cmocka_run_group_tests_name("spill", tests, NULL, NULL);
}
