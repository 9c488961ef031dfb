/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests common/log.c, through a pipe as in a running system. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

static int pipe_fds[2];

static int setup(void **state)
{
	(void)state;
	assert_int_equal(pipe2(pipe_fds, O_NONBLOCK | O_CLOEXEC), 0);
	log_init(pipe_fds[1], "worker.2", LOG_LEVEL_INFO);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	return 0;
}

/* What the pipe holds, up to a few lines; "" if nothing. */
static const char *read_pipe(void)
{
	static char text[4 * LOG_LINE_MAX + 1];
	ssize_t n = read(pipe_fds[0], text, sizeof text - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static const char *line_with(const char *key, const void *value, size_t size)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, "m");
	log_bytes(&l, key, value, size);
	log_end(&l);
	return strstr(read_pipe(), "msg=m ") + 6;
}

#define assert_written(value, text) assert_string_equal(line_with("k", value, sizeof value - 1), "k=" text "\n")

static void a_line_starts_with_when_how_bad_and_who(void **state)
{
	char expected[100];

	(void)state;
	log_warning("%d apples", 3);
	const char *line = read_pipe();
	assert_memory_equal(line, "ts=2", 4);
	assert_int_equal(line[3 + 23], 'Z');
	snprintf(expected, sizeof expected, "Z level=warning who=worker.2 pid=%d msg=\"3 apples\"\n", (int)getpid());
	assert_string_equal(line + 3 + 23, expected);
}

static void values_are_quoted_where_needed(void **state)
{
	(void)state;
	assert_written("plain:[::1]", "plain:[::1]");
	assert_written("", "\"\"");
	assert_written("two words", "\"two words\"");
	assert_written("a=b", "\"a=b\"");
	assert_written("say \"hi\"", "\"say \\\"hi\\\"\"");
	assert_written("back\\slash", "\"back\\\\slash\"");
}

static void bytes_that_a_terminal_obeys_are_escaped(void **state)
{
	(void)state;
	assert_written("a\nb\r\tc", "\"a\\nb\\x0d\\x09c\"");
	assert_written("\x1b[31m\x7f", "\"\\x1b[31m\\x7f\"");
	assert_written("\x9b\xc3\xa9\xff", "\"\\x9b\\xc3\\xa9\\xff\"");
	assert_written("a\0b", "\"a\\x00b\"");
}

static void only_numbers_look_like_numbers(void **state)
{
	struct log_line l;

	(void)state;
	assert_written("123", "\"123\"");
	assert_written("-1.5", "\"-1.5\"");
	assert_written("12a", "12a");
	log_begin(&l, LOG_LEVEL_INFO, "m");
	log_u64(&l, "u", UINT64_MAX);
	log_i64(&l, "i", INT64_MIN);
	log_ms(&l, "s", 61005);
	log_str(&l, "none", NULL);
	log_end(&l);
	assert_string_equal(strstr(read_pipe(), "msg=m ") + 6,
		"u=18446744073709551615 i=-9223372036854775808 s=61.005\n");
}

static void lines_below_the_level_are_not_written(void **state)
{
	struct log_line l;

	(void)state;
	log_debug("not wanted");
	log_begin(&l, LOG_LEVEL_DEBUG, "not wanted");
	log_str(&l, "k", "v");
	log_end(&l);
	assert_string_equal(read_pipe(), "");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("wanted");
	assert_non_null(strstr(read_pipe(), "level=debug"));
	assert_int_equal(log_level_by_name("notice"), LOG_LEVEL_NOTICE);
	assert_string_equal(log_level_name(LOG_LEVEL_ERROR), "error");
	assert_int_equal(log_level_by_name("loud"), -1);
}

static void foreign_text_is_wanted_at_every_level(void **state)
{
	struct log_line l;

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	log_begin_foreign(&l);
	log_str(&l, "msg", "x");
	log_end(&l);
	assert_non_null(strstr(read_pipe(), " level=error who=? msg=x\n"));
}

/* One line, every quote closed, every escape whole. */
static void assert_well_formed(const char *line)
{
	bool quoted = false;

	for (; *line != '\n'; line++) {
		assert_in_range(*line, ' ', '~');
		if (quoted && *line == '\\') {
			line++;
			assert_non_null(memchr("\"\\nx", *line, 4));
			if (*line == 'x') {
				assert_non_null(memchr("0123456789abcdef", line[1], 16));
				assert_non_null(memchr("0123456789abcdef", line[2], 16));
				line += 2;
			}
		} else if (*line == '"') {
			quoted = !quoted;
		}
	}
	assert_false(quoted);
	assert_int_equal(line[1], '\0');
}

static void lines_too_long_are_cut_and_stay_well_formed(void **state)
{
	char value[2 * LOG_LINE_MAX];
	struct log_line l;

	(void)state;
	for (size_t size = LOG_LINE_MAX - 200; size < LOG_LINE_MAX + 50; size++) {
		for (size_t i = 0; i < sizeof value; i++)
			value[i] = "abc \"\x01\n\\"[(i + size) % (size % 2 ? 3 : 8)];
		log_begin(&l, LOG_LEVEL_INFO, "m");
		log_bytes(&l, "k", value, size % 2 ? size : size / 2 + size % 200);
		log_str(&l, "next", "two words");
		log_u64(&l, "last", 1);
		log_end(&l);
		const char *line = read_pipe();
		assert_true(strlen(line) <= LOG_LINE_MAX);
		assert_well_formed(line);
	}
}

static void what_is_cut_is_cut_at_the_end_only(void **state)
{
	char value[LOG_LINE_MAX];

	(void)state;
	for (size_t shift = 0; shift < 8; shift++) {
		/* After an escape that does not fit there would be room for a letter. */
		for (size_t i = 0; i < sizeof value; i++)
			value[i] = (i + shift) % 2 ? '\x01' : (char)('a' + (int)(i / 2 % 26));
		const char *got = line_with("k", value + shift, sizeof value - shift) + 3;
		char before = 0;
		for (; *got != '"'; got++) {
			if (*got == '\\') {
				got += 3;
				continue;
			}
			if (before)
				assert_int_equal(*got, before == 'z' ? 'a' : before + 1);
			before = *got;
		}
	}
}

static void a_full_pipe_drops_counts_and_tells(void **state)
{
	uint64_t before = log_dropped();
	char expected[64], drain[65536];

	(void)state;
	for (int i = 0; i < 2000; i++)
		log_info("line %d", i);
	uint64_t dropped = log_dropped() - before;
	assert_in_range(dropped, 1, 1999);
	while (read(pipe_fds[0], drain, sizeof drain) > 0)
		;
	log_info("after");
	assert_int_equal(log_dropped() - before, dropped);
	const char *text = read_pipe();
	snprintf(expected, sizeof expected, " dropped=%llu\n", (unsigned long long)dropped);
	const char *notice = strstr(text, expected), *after = strstr(text, "msg=after\n");
	assert_non_null(strstr(text, "log lines were dropped"));
	assert_non_null(notice);
	assert_true(after > notice);
	log_info("again");
	assert_null(strstr(read_pipe(), "dropped"));
}

static void a_pipe_without_a_reader_only_counts(void **state)
{
	uint64_t before = log_dropped();

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	close(pipe_fds[0]);
	log_info("nobody hears");
	assert_int_equal(log_dropped() - before, 1);
	pipe_fds[0] = open("/dev/null", O_RDONLY);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_line_starts_with_when_how_bad_and_who),
		CASE(values_are_quoted_where_needed),
		CASE(bytes_that_a_terminal_obeys_are_escaped),
		CASE(only_numbers_look_like_numbers),
		CASE(lines_below_the_level_are_not_written),
		CASE(foreign_text_is_wanted_at_every_level),
		CASE(lines_too_long_are_cut_and_stay_well_formed),
		CASE(what_is_cut_is_cut_at_the_end_only),
		CASE(a_full_pipe_drops_counts_and_tells),
		CASE(a_pipe_without_a_reader_only_counts),
	};
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
