/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/witness/proc.c: what it reads of files in /proc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "workers/witness/proc.h"

static void a_stat_line_is_read_whatever_the_name_is(void **state)
{
	char s = 0;
	uint64_t start = 0;
	const char *rest = " T 4323 4325 4325 0 -1 1077952576 150 0 0 0 1 2 0 0 20 0 1 0 987654 2797568 680";
	char text[256];

	(void)state;
	snprintf(text, sizeof text, "12 (tlsw-worker.1)%s", rest);
	assert_true(proc_parse_stat(text, &s, &start));
	assert_int_equal(s, 'T');
	assert_int_equal(start, 987654);
	snprintf(text, sizeof text, "12 (a) R 1 (b)%s", rest);
	assert_true(proc_parse_stat(text, &s, &start));
	assert_int_equal(s, 'T');
	assert_int_equal(start, 987654);
	assert_false(proc_parse_stat("", &s, &start));
	assert_false(proc_parse_stat("12 (x) R 1 2 3", &s, &start));
	assert_false(proc_parse_stat("12 (x", &s, &start));
}

static void a_system_call_is_named_without_its_arguments(void **state)
{
	static const struct { const char *text, *words; } rows[] = {
		{ "running\n", "none: it runs" },
		{ "-1 0x7ffc8 0x7f01\n", "none: it waits outside of any" },
		{ "nonsense", "unknown" }, { "", "unknown" },
		{ "100000 0x1 0x2\n", "unknown" },
	};
	char out[128], text[128];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		proc_parse_syscall(rows[i].text, out, sizeof out);
		assert_string_equal(out, rows[i].words);
	}
#ifdef __x86_64__
	proc_parse_syscall("0 0xc 0x7f0123456789 0x4000 0x0 0x0 0x0 0x7ffc 0x7f01", out, sizeof out);
	assert_string_equal(out, "read on descriptor 12");
	proc_parse_syscall("35 0x7f0123456789 0x0 0x0 0x0 0x0 0x0 0x7ffc 0x7f01", out, sizeof out);
	assert_string_equal(out, "nanosleep");
#endif
	snprintf(text, sizeof text, "%s", "0");
	proc_parse_syscall(text, out, sizeof out);
	assert_null(strstr(out, "descriptor"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stat_line_is_read_whatever_the_name_is),
		cmocka_unit_test(a_system_call_is_named_without_its_arguments),
	};
	return cmocka_run_group_tests_name("witness_proc", tests, NULL, NULL);
}
