/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests common/hostset.c and common/hostset_build.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/hostset.h"
#include "common/hostset_build.h"
#include "common/memfd.h"

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct hostset *built(const char *text)
{
	char err[160] = "";
	uint32_t names;
	int fd;

	assert_int_equal(hostset_build(text, strlen(text), &fd, &names, err, sizeof err), 0);
	struct hostset *s = hostset_load(fd);
	assert_non_null(s);
	assert_int_equal(hostset_names(s), names);
	return s;
}

static void a_name_is_in_the_set_if_a_line_covers_it(void **state)
{
	struct hostset *s = built("www.example.org\n*.shop.example\n.wild.example\n");

	(void)state;
	assert_true(hostset_contains(s, "www.example.org"));
	assert_false(hostset_contains(s, "example.org"));
	assert_false(hostset_contains(s, "a.www.example.org"));
	assert_true(hostset_contains(s, "a.shop.example"));
	assert_false(hostset_contains(s, "shop.example"));
	assert_false(hostset_contains(s, "b.a.shop.example"));
	assert_true(hostset_contains(s, "wild.example"));
	assert_true(hostset_contains(s, "a.wild.example"));
	assert_true(hostset_contains(s, "c.b.a.wild.example"));
	assert_false(hostset_contains(s, "notwild.example"));
	assert_false(hostset_contains(s, "example"));
	assert_false(hostset_contains(s, ""));
	assert_false(hostset_contains(s, "."));
	hostset_unref(s);
}

static void a_suffix_may_be_a_single_label(void **state)
{
	struct hostset *s = built(".internal\n*.test");

	(void)state;
	assert_true(hostset_contains(s, "a.b.internal"));
	assert_true(hostset_contains(s, "internal"));
	assert_true(hostset_contains(s, "a.test"));
	assert_false(hostset_contains(s, "test"));
	hostset_unref(s);
}

static void blanks_comments_case_and_repetitions_do_not_matter(void **state)
{
	struct hostset *s = built("# allowed\r\n\r\n  WWW.Example.ORG. # the shop\r\n\twww.example.org\n\n*.a.example\n*.A.example");

	(void)state;
	assert_int_equal(hostset_names(s), 2);
	assert_true(hostset_contains(s, "www.example.org"));
	assert_true(hostset_contains(s, "x.a.example"));
	hostset_unref(s);
}

static void an_empty_text_is_an_empty_set(void **state)
{
	struct hostset *s = built("# nobody\n");

	(void)state;
	assert_int_equal(hostset_names(s), 0);
	assert_false(hostset_contains(s, "a.example"));
	hostset_unref(s);
}

static void one_bad_line_refuses_the_whole(void **state)
{
	static const struct { const char *text, *err; } bad[] = {
		{ "a.example\nb c.example\n", "line 2: \"b c.example\" is no host name" },
		{ "a.example\n\n\nb..example", "line 4: \"b..example\" is no host name" },
		{ "*", "line 1: \"*\" is no host name" },
		{ "*.", "line 1: \"*.\" is no host name" },
		{ ".", "line 1: \".\" is no host name" },
		{ "*.*.example", "line 1: \"*.*.example\" is no host name" },
		{ "a.*.example", "line 1: \"a.*.example\" is no host name" },
		{ "192.0.2.1", "line 1: \"192.0.2.1\" is no host name" },
		{ "https://a.example/", "line 1: \"https://a.example/\" is no host name" },
		{ "b\xc3\xbc" "cher.example", "line 1: \"b\xc3\xbc" "cher.example\" is no host name" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char err[160] = "";
		uint32_t names = 7;
		int fd = 7;
		assert_int_equal(hostset_build(bad[i].text, strlen(bad[i].text), &fd, &names, err, sizeof err), -EINVAL);
		assert_string_equal(err, bad[i].err);
		assert_int_equal(fd, -1);
		assert_int_equal(names, 0);
	}
}

static void a_line_with_a_nul_is_refused(void **state)
{
	char err[160];
	uint32_t names;
	int fd;

	(void)state;
	assert_int_equal(hostset_build("a.example\0b\n", 12, &fd, &names, err, sizeof err), -EINVAL);
}

/* ---- damage ---- */

#define TEXT "www.example.org\n*.shop.example\n.wild.example\n"

/* A memfd with those bytes, sealed. */
static int memfd_of(const void *data, size_t size)
{
	int fd = memfd_new("t", size);

	assert_true(fd >= 0);
	assert_int_equal(memfd_write(fd, 0, data, size), 0);
	assert_int_equal(memfd_seal_all(fd), 0);
	return fd;
}

static uint8_t *bytes_of_a_set(size_t *size)
{
	char err[160];
	uint32_t names;
	int fd;

	assert_int_equal(hostset_build(TEXT, strlen(TEXT), &fd, &names, err, sizeof err), 0);
	*size = (size_t)lseek(fd, 0, SEEK_END);
	uint8_t *data = malloc(*size);
	assert_int_equal(pread(fd, data, *size, 0), (ssize_t)*size);
	close(fd);
	return data;
}

static void ask_all_kinds(struct hostset *s)
{
	hostset_contains(s, "www.example.org");
	hostset_contains(s, "a.shop.example");
	hostset_contains(s, "b.a.wild.example");
	hostset_contains(s, "nobody.example");
}

static void no_damaged_byte_makes_a_reader_leave_the_set(void **state)
{
	static const uint8_t values[] = { 0, 1, 0x7f, 0x80, 0xff };
	size_t size;
	uint8_t *data = bytes_of_a_set(&size);
	int refused = 0;

	(void)state;
	for (size_t i = 0; i < size; i++) {
		for (size_t v = 0; v < sizeof values; v++) {
			uint8_t was = data[i];
			data[i] = values[v];
			struct hostset *s = hostset_load(memfd_of(data, size));
			if (s)
				ask_all_kinds(s);
			else
				refused++;
			hostset_unref(s);
			data[i] = was;
		}
	}
	assert_true(refused > 300);
	free(data);
}

static void a_cut_or_longer_set_is_refused(void **state)
{
	size_t size;
	uint8_t *data = bytes_of_a_set(&size);

	(void)state;
	for (size_t cut = 1; cut < size; cut++) {
		assert_null(hostset_load(memfd_of(data, cut)));
		assert_int_equal(errno, EINVAL);
	}
	data = realloc(data, size + 8);
	memset(data + size, 0, 8);
	assert_null(hostset_load(memfd_of(data, size + 8)));
	free(data);
}

static void a_full_table_is_refused(void **state)
{
	size_t size;
	uint8_t *data = bytes_of_a_set(&size);
	struct hostset_head *head = (void *)data;
	struct hostset_slot *slots = (void *)(head + 1);
	struct hostset_slot some = { 0 };

	(void)state;
	for (uint32_t i = 0; i < head->slots_n; i++)
		if (slots[i].off)
			some = slots[i];
	for (uint32_t i = 0; i < head->slots_n; i++)
		if (!slots[i].off)
			slots[i] = some;
	head->names_n = head->slots_n;
	head->kinds_n[data[some.off]] += head->slots_n - 3;
	assert_null(hostset_load(memfd_of(data, size)));
	assert_int_equal(errno, EINVAL);
	free(data);
}

static void what_could_still_change_is_refused(void **state)
{
	size_t size;
	uint8_t *data = bytes_of_a_set(&size);
	int fd = memfd_new("t", size);

	(void)state;
	memfd_write(fd, 0, data, size);
	assert_null(hostset_load(fd));
	assert_int_equal(errno, EPERM);
	assert_null(hostset_load(-1));
	free(data);
}

/* ---- size ---- */

#define MANY 100000

static void a_hundred_thousand_names_are_quick(void **state)
{
	char *text = malloc((size_t)MANY * 48), err[160], name[64];
	size_t size = 0;
	uint32_t names, found = 0;
	int fd;

	(void)state;
	for (int i = 0; i < MANY; i++)
		size += (size_t)sprintf(text + size, "%shost%d.customer%d.example.org\n",
			i % 10 == 1 ? "*." : i % 10 == 2 ? "." : "", i, i % 977);
	double start = seconds();
	assert_int_equal(hostset_build(text, size, &fd, &names, err, sizeof err), 0);
	double built_s = seconds() - start;
	assert_int_equal(names, MANY);
	start = seconds();
	struct hostset *s = hostset_load(fd);
	double loaded_s = seconds() - start;
	assert_non_null(s);
	double asked_s = 0;
	for (int i = 0; i < 2 * MANY; i++) {
		sprintf(name, "%shost%d.customer%d.example.org", i % 10 == 1 ? "x." : "", i, i % 977);
		start = seconds();
		found += hostset_contains(s, name);
		asked_s += seconds() - start;
	}
	assert_int_equal(found, MANY);
	print_message("# %d names: built in %.0f ms, loaded in %.1f ms, asked in %.0f ns\n", MANY,
		built_s * 1e3, loaded_s * 1e3, asked_s / (2 * MANY) * 1e9);
	assert_true(built_s < 1);
	assert_true(loaded_s < 1);
	assert_true(asked_s / (2 * MANY) < 10e-6);
	hostset_unref(s);
	free(text);
}

static void a_reference_keeps_the_set(void **state)
{
	struct hostset *s = built("a.example\n"), *other = hostset_ref(s);

	(void)state;
	hostset_unref(s);
	assert_true(hostset_contains(other, "a.example"));
	hostset_unref(other);
	hostset_unref(NULL);
	assert_null(hostset_ref(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_in_the_set_if_a_line_covers_it),
		cmocka_unit_test(a_suffix_may_be_a_single_label),
		cmocka_unit_test(blanks_comments_case_and_repetitions_do_not_matter),
		cmocka_unit_test(an_empty_text_is_an_empty_set),
		cmocka_unit_test(one_bad_line_refuses_the_whole),
		cmocka_unit_test(a_line_with_a_nul_is_refused),
		cmocka_unit_test(no_damaged_byte_makes_a_reader_leave_the_set),
		cmocka_unit_test(a_cut_or_longer_set_is_refused),
		cmocka_unit_test(a_full_table_is_refused),
		cmocka_unit_test(what_could_still_change_is_refused),
		cmocka_unit_test(a_hundred_thousand_names_are_quick),
		cmocka_unit_test(a_reference_keeps_the_set),
	};
	return cmocka_run_group_tests_name("hostset", tests, NULL, NULL);
}
