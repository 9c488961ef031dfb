/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/logger/logfmt.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "workers/logger/logfmt.h"

#define HEAD "ts=2026-01-01T00:00:00.000Z level=info "

/* In memory of the line's own size, so that a sanitizer sees a read past it. */
static int parse(struct logfmt *f, const char *line, size_t size)
{
	char *copy = malloc(size + !size);

	memcpy(copy, line, size);
	int rc = logfmt_parse(f, copy, size);
	free(copy);
	return rc;
}

static void assert_value(const char *text, const char *value, size_t size, bool quoted)
{
	struct logfmt f;
	char line[200] = HEAD "k=";

	strcat(line, text);
	assert_int_equal(parse(&f, line, strlen(line)), 0);
	assert_int_equal(f.n, 3);
	assert_string_equal(f.pairs[2].key, "k");
	assert_int_equal(f.pairs[2].size, size);
	assert_memory_equal(f.pairs[2].value, value, size + 1);
	assert_int_equal(f.pairs[2].quoted, quoted);
}

static void pairs_are_found(void **state)
{
	struct logfmt f;
	const char line[] = "ts=t level=warning who=worker.1 msg=\"a b\" n=5";

	(void)state;
	assert_int_equal(parse(&f, line, sizeof line - 1), 0);
	assert_int_equal(f.n, 5);
	assert_int_equal(f.level, LOG_LEVEL_WARNING);
	assert_string_equal(logfmt_get(&f, "who"), "worker.1");
	assert_string_equal(logfmt_get(&f, "msg"), "a b");
	assert_string_equal(logfmt_get(&f, "n"), "5");
	assert_null(logfmt_get(&f, "m"));
}

static void values_are_unescaped(void **state)
{
	(void)state;
	assert_value("bare", "bare", 4, false);
	assert_value("\"\"", "", 0, true);
	assert_value("\"12\"", "12", 2, true);
	assert_value("\"a=b \\\"c\\\" \\\\ \\n\"", "a=b \"c\" \\ \n", 11, true);
	assert_value("\"\\x00\\x1b\\xff\"", "\0\x1b\xff", 3, true);
}

static void what_is_no_line_of_ours_is_refused(void **state)
{
	static const char *const lines[] = {
		"", " ", "==12== Invalid read", "tlsward-worker: no introduction came", "ts", "ts=", "ts=t", "ts=t level=info ",
		"level=info ts=t", "ts=t level=loud", "ts=t  level=info", "ts=t level=info k", "ts=t level=info =v",
		"ts=t level=info k=", "ts=t level=info k= v=1", "ts=t level=info k=a\"b", "ts=t level=info k=\"a", "ts=t level=info k=\"a\"b",
		"ts=t level=info k=\"a\\", "ts=t level=info k=\"a\\\"", "ts=t level=info k=\"\\t\"", "ts=t level=info k=\"\\x0\"",
		"ts=t level=info k=\"\\x0g\"", "ts=t level=info k=\"\\xAB\"", "ts=t level=info k=\x7f", "ts=t level=info k=\"\x1b\"",
		"ts=t level=info k=\"\xff\"", "ts=t level=info k=\xff", "ts=t level=info k=a=b",
	};
	struct logfmt f;

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		if (parse(&f, lines[i], strlen(lines[i])) != -EINVAL)
			fail_msg("taken for a line of ours: %s", lines[i]);
}

static void lengths_and_numbers_of_pairs_are_bounded(void **state)
{
	char line[LOG_LINE_MAX + 1] = HEAD "k=";
	size_t n = strlen(line);
	struct logfmt f;

	(void)state;
	memset(line + n, 'v', sizeof line - n);
	assert_int_equal(parse(&f, line, LOG_LINE_MAX - 1), 0);
	assert_int_equal(parse(&f, line, LOG_LINE_MAX), -EINVAL);
	n = strlen(HEAD) - 1;
	for (int i = 2; i < LOGFMT_PAIRS_MAX; i++, n += 4)
		memcpy(line + n, " k=v", 4);
	assert_int_equal(parse(&f, line, n), 0);
	assert_int_equal(f.n, LOGFMT_PAIRS_MAX);
	memcpy(line + n, " k=v", 4);
	assert_int_equal(parse(&f, line, n + 4), -EINVAL);
}

static void what_log_writes_is_read_back(void **state)
{
	char value[1000];
	struct log_line l;
	struct logfmt f;

	(void)state;
	srandom(1);
	for (int round = 0; round < 2000; round++) {
		size_t size = (size_t)random() % sizeof value;
		for (size_t i = 0; i < size; i++)
			value[i] = (char)(random() >> 8);
		log_begin(&l, LOG_LEVEL_ERROR, "a message");
		log_bytes(&l, "value", value, size);
		log_u64(&l, "last", (uint64_t)round);
		assert_int_equal(parse(&f, l.text, l.size), 0);
		assert_int_equal(f.n, 7);
		assert_int_equal(f.pairs[5].size, size);
		assert_memory_equal(f.pairs[5].value, value, size);
		assert_int_equal(atoi(logfmt_get(&f, "last")), round);
	}
}

static void no_bytes_bring_it_down(void **state)
{
	char line[300];
	struct logfmt f;

	(void)state;
	srandom(2);
	for (int round = 0; round < 20000; round++) {
		size_t n = strlen(strcpy(line, HEAD)), size = n + (size_t)random() % (sizeof line - n);
		for (size_t i = n; i < size; i++)
			line[i] = "ka= \"\\xn0f\n\xff"[random() % 12];
		if (parse(&f, line, size) == 0)
			assert_in_range(f.n, 2, LOGFMT_PAIRS_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_are_found),
		cmocka_unit_test(values_are_unescaped),
		cmocka_unit_test(what_is_no_line_of_ours_is_refused),
		cmocka_unit_test(lengths_and_numbers_of_pairs_are_bounded),
		cmocka_unit_test(what_log_writes_is_read_back),
		cmocka_unit_test(no_bytes_bring_it_down),
	};
	return cmocka_run_group_tests_name("logfmt", tests, NULL, NULL);
}
