/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests supervisor/known.c. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/memfd.h"
#include "supervisor/known.h"

static void put(struct known *k, uint32_t group, uint32_t number, const char *path)
{
	struct known_file f = { .group = group, .number = number, .stamp = number + 1000u, .until = INT64_MAX, .path = path };

	assert_int_equal(known_put(k, &f), 0);
}

static void files_are_found_by_group_and_path_and_by_number(void **state)
{
	struct known *k = known_new();
	char path[32];

	(void)state;
	for (uint32_t i = 1; i <= 5000; i++) {
		snprintf(path, sizeof path, "/d/%u.pem", i % 2500);
		put(k, i <= 2500 ? 1 : 2, i, path);
	}
	assert_int_equal(known_count(k), 5000);
	assert_int_equal(known_find(k, 1, "/d/7.pem")->number, 7);
	assert_int_equal(known_find(k, 2, "/d/7.pem")->number, 2507);
	assert_null(known_find(k, 3, "/d/7.pem"));
	assert_string_equal(known_find_number(k, 2507)->path, "/d/7.pem");
	put(k, 1, 9000, "/d/7.pem");
	assert_int_equal(known_count(k), 5000);
	assert_null(known_find_number(k, 7));
	assert_int_equal(known_last(k), 9000);
	known_drop(k, 9000);
	known_drop(k, 9000);
	assert_null(known_find(k, 1, "/d/7.pem"));
	assert_int_equal(known_count(k), 4999);
	known_free(k);
}

static void many_changes_take_no_more_room(void **state)
{
	struct known *k = known_new();

	(void)state;
	for (uint32_t i = 1; i <= 20000; i++) {
		put(k, 1, i, "/a.pem");
		put(k, 1, i + 100000, "/b.pem");
	}
	assert_int_equal(known_count(k), 2);
	assert_true(known_places(k) < 200);
	assert_int_equal(known_find(k, 1, "/a.pem")->number, 20000);
	known_free(k);
}

static void a_copy_holds_the_same(void **state)
{
	struct known *k = known_new();

	(void)state;
	put(k, 1, 1, "/a.pem");
	put(k, UINT32_MAX, 2, "/store/b.pem");
	put(k, 5, 3, "/gone.pem");
	known_drop(k, 3);
	int fd = known_write(k);
	assert_true(fd >= 0);
	struct known *copy = known_read(fd);
	assert_non_null(copy);
	assert_int_equal(known_count(copy), 2);
	assert_int_equal(known_find(copy, 1, "/a.pem")->stamp, 1001);
	assert_int_equal(known_find(copy, UINT32_MAX, "/store/b.pem")->number, 2);
	known_free(copy);
	known_free(k);
}

static void nothing_in_a_copy_is_believed(void **state)
{
	struct known *k = known_new();
	uint8_t good[256];

	(void)state;
	put(k, 1, 1, "/a.pem");
	put(k, 1, 2, "/b.pem");
	int fd = known_write(k);
	ssize_t n = read(fd, good, sizeof good);
	assert_true(n > 0);
	close(fd);
	srand(3);
	for (int i = 0; i < 3000; i++) {
		uint8_t bad[sizeof good];
		memcpy(bad, good, sizeof good);
		size_t size = i % 3 ? (size_t)n : (size_t)rand() % (size_t)n + 1;
		for (int b = 0; b < 1 + i % 3; b++)
			bad[rand() % n] ^= (uint8_t)(1 << rand() % 8);
		fd = memfd_new("bad", size);
		assert_int_equal(memfd_write(fd, 0, bad, size), 0);
		assert_int_equal(memfd_seal_all(fd), 0);
		struct known *copy = known_read(fd);
		/* What passes is a list of two. */
		if (copy)
			assert_int_equal(known_count(copy), 2);
		known_free(copy);
	}
	known_free(k);
}

static void what_has_just_changed_is_not_fresh(void **state)
{
	struct stat st = { .st_size = 5, .st_ino = 7, .st_mtim = { .tv_sec = 1000 }, .st_ctim = { .tv_sec = 1000 } }, other = st, young = st;
	struct known_file f = { .stamp = known_stamp(&st), .until = 2000 };

	(void)state;
	assert_true(f.stamp != 0);
	assert_true(known_is_fresh(&f, &st, 1999));
	assert_false(known_is_fresh(&f, &st, 2000));
	other.st_ctim.tv_nsec = 1;
	assert_false(known_is_fresh(&f, &other, 1999));
	clock_gettime(CLOCK_REALTIME, &young.st_mtim);
	assert_int_equal(known_stamp(&young), 0);
	young.st_mtim.tv_sec += 100000;
	assert_int_equal(known_stamp(&young), 0);
	f.stamp = 0;
	assert_false(known_is_fresh(&f, &young, 1999));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_found_by_group_and_path_and_by_number),
		cmocka_unit_test(many_changes_take_no_more_room),
		cmocka_unit_test(a_copy_holds_the_same),
		cmocka_unit_test(nothing_in_a_copy_is_believed),
		cmocka_unit_test(what_has_just_changed_is_not_fresh),
	};
	return cmocka_run_group_tests_name("known", tests, NULL, NULL);
}
