/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/witness/report.c and store.c: the size of a report, and the directory of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "workers/witness/report.h"
#include "workers/witness/store.h"

static void a_report_fits(void **state)
{
	json_t *report = json_pack("{s:s, s:{s:[]}, s:{s:[]}}", "id", "x", "descriptors", "list", "connections", "list");

	(void)state;
	for (int i = 0; i < 2000; i++) {
		json_array_append_new(json_object_get(json_object_get(report, "descriptors"), "list"), json_sprintf("descriptor %d", i));
		json_array_append_new(json_object_get(json_object_get(report, "connections"), "list"), json_integer(i));
	}
	char *text = report_text(report, 20000);
	assert_non_null(text);
	assert_true(strlen(text) <= 20000);
	assert_non_null(strstr(text, "the end of descriptors: the report would be too large"));
	assert_non_null(strstr(text, "\"descriptor 0\""));
	assert_int_equal(text[strlen(text) - 1], '\n');
	free(text);
	json_decref(report);
	report = json_pack("{s:s}", "id", "x");
	text = report_text(report, 20000);
	assert_null(strstr(text, "missing"));
	free(text);
	json_decref(report);
}

static char dir_path[] = "/tmp/witness-XXXXXX";
static int dir;

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir_path, "/tmp/witness-XXXXXX");
	if (!mkdtemp(dir_path))
		return -1;
	dir = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0;
}

static int remove_dir(void **state)
{
	(void)state;
	store_prune(dir, 0, 0);
	close(dir);
	return rmdir(dir_path);
}

static void write_one(int i)
{
	char id[32], text[128];

	snprintf(id, sizeof id, "20260101-%06d-000", i);
	snprintf(text, sizeof text, "{\"id\": \"%s\", \"verdict\": \"stall\", \"worker\": %d, \"secret\": 1}\n", id, i);
	assert_int_equal(store_write(dir, id, text, strlen(text)), 0);
}

static void reports_are_written_whole_and_the_oldest_go(void **state)
{
	size_t size;
	struct stat st;

	(void)state;
	for (int i = 0; i < 7; i++)
		write_one(i);
	assert_int_equal(fstatat(dir, "20260101-000006-000.json", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	const struct timespec hour_ago[2] = { { .tv_sec = time(NULL) - 3600 }, { .tv_sec = time(NULL) - 3600 } };
	close(openat(dir, ".20260101-000009-000.new", O_CREAT | O_WRONLY, 0600));	/* its writer died */
	utimensat(dir, ".20260101-000009-000.new", hour_ago, 0);
	close(openat(dir, ".20260101-000010-000.new", O_CREAT | O_WRONLY, 0600));	/* its writer works */
	store_prune(dir, 5, 1 << 20);
	json_t *list = store_list(dir);
	assert_int_equal(json_array_size(list), 5);
	json_t *one = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(one, "id")), "20260101-000002-000");
	assert_string_equal(json_string_value(json_object_get(one, "verdict")), "stall");
	assert_null(json_object_get(one, "secret"));
	json_decref(list);
	assert_int_equal(faccessat(dir, ".20260101-000009-000.new", F_OK, 0), -1);
	assert_int_equal(unlinkat(dir, ".20260101-000010-000.new", 0), 0);
	store_prune(dir, 5, (size_t)2 * (size_t)st.st_size + 1);
	list = store_list(dir);
	assert_int_equal(json_array_size(list), 2);
	json_decref(list);
	json_t *report = store_read(dir, "20260101-000006-000", &size);
	assert_int_equal(size, st.st_size);
	assert_int_equal(json_integer_value(json_object_get(report, "worker")), 6);
	json_decref(report);
}

static void what_is_no_report_does_no_harm(void **state)
{
	size_t size;
	int fd = openat(dir, "20260101-000001-000.json", O_CREAT | O_WRONLY, 0600);

	(void)state;
	assert_int_equal(write(fd, "{\"id\": ", 7), 7);
	close(fd);
	fd = openat(dir, "20260101-000002-000.json", O_CREAT | O_WRONLY, 0600);
	assert_int_equal(ftruncate(fd, STORE_FILE_BYTES + 1), 0);
	close(fd);
	assert_int_equal(symlinkat("/etc/passwd", dir, "20260101-000003-000.json"), 0);
	assert_int_equal(mkfifoat(dir, "20260101-000004-000.json", 0600), 0);
	json_t *list = store_list(dir);
	assert_int_equal(json_array_size(list), 4);
	for (size_t i = 0; i < 4; i++)
		assert_non_null(json_object_get(json_array_get(list, i), "error"));
	json_decref(list);
	assert_null(store_read(dir, "20260101-000001-000", &size));
	assert_int_equal(errno, EBADMSG);
	assert_null(store_read(dir, "none", &size));
	assert_int_equal(errno, ENOENT);
	close(dir);
	dir = -1;
	assert_int_equal(store_write(dir, "x", "{}", 2), -EBADF);
	dir = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_fits),
		cmocka_unit_test_setup_teardown(reports_are_written_whole_and_the_oldest_go, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(what_is_no_report_does_no_harm, make_dir, remove_dir),
	};
	return cmocka_run_group_tests_name("witness_reports", tests, NULL, NULL);
}
