/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests common/memfd.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/memfd.h"

static void a_sealed_memfd_is_mapped_and_stays_as_it_is(void **state)
{
	size_t size = 0;
	int fd = memfd_new("t", 5);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(memfd_write(fd, 0, "hello", 5), 0);
	assert_int_equal(memfd_seal_all(fd), 0);
	const void *p = memfd_map_sealed(fd, 5, &size);
	assert_non_null(p);
	assert_int_equal(size, 5);
	assert_memory_equal(p, "hello", 5);
	assert_int_equal(memfd_write(fd, 0, "x", 1), -EPERM);
	assert_int_equal(ftruncate(fd, 4), -1);
	assert_int_equal(ftruncate(fd, 6), -1);
	assert_ptr_equal(mmap(NULL, 5, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	munmap((void *)(uintptr_t)p, size);
	close(fd);
}

static void what_lacks_a_seal_is_refused(void **state)
{
	size_t size;
	int fd = memfd_new("t", 5);

	(void)state;
	assert_null(memfd_map_sealed(fd, 5, &size));
	assert_int_equal(errno, EPERM);
	assert_int_equal(memfd_seal_size(fd), 0);
	assert_null(memfd_map_sealed(fd, 5, &size));
	assert_int_equal(errno, EPERM);
	close(fd);
}

static void what_is_no_memfd_is_refused(void **state)
{
	size_t size;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_null(memfd_map_sealed(fds[0], 5, &size));
	assert_null(memfd_map_sealed(-1, 5, &size));
	close(fds[0]);
	close(fds[1]);
}

static void sizes_are_bounded(void **state)
{
	size_t size;
	int fd = memfd_new("t", 6), empty = memfd_new("t", 0);

	(void)state;
	memfd_seal_all(fd);
	memfd_seal_all(empty);
	assert_null(memfd_map_sealed(fd, 5, &size));
	assert_int_equal(errno, EFBIG);
	assert_null(memfd_map_sealed(empty, 5, &size));
	assert_int_equal(errno, EINVAL);
	close(fd);
	close(empty);
}

static void who_may_only_read_sees_what_the_writer_writes(void **state)
{
	int fd = memfd_new("t", 4096), reading = memfd_open_for_reading(fd);

	(void)state;
	assert_true(reading >= 0);
	assert_int_equal(memfd_seal_size(fd), 0);
	assert_int_equal(memfd_seal_seals(fd), 0);
	assert_int_equal(memfd_seal_seals(fd), -EPERM);
	assert_int_equal(memfd_seal_all(fd), -EPERM);
	char *writer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(writer, MAP_FAILED);
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, reading, 0), MAP_FAILED);
	assert_int_equal(memfd_write(reading, 0, "x", 1), -EBADF);
	const char *reader = mmap(NULL, 4096, PROT_READ, MAP_SHARED, reading, 0);
	assert_ptr_not_equal(reader, MAP_FAILED);
	writer[7] = 'w';
	assert_int_equal(reader[7], 'w');
	munmap(writer, 4096);
	munmap((void *)(uintptr_t)reader, 4096);
	close(fd);
	close(reading);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sealed_memfd_is_mapped_and_stays_as_it_is),
		cmocka_unit_test(what_lacks_a_seal_is_refused),
		cmocka_unit_test(what_is_no_memfd_is_refused),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(who_may_only_read_sees_what_the_writer_writes),
	};
	return cmocka_run_group_tests_name("memfd", tests, NULL, NULL);
}
