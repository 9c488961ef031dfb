/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests that examples, manual page and effects of a reload agree with the table of settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/conf_table.h"
#include "t/unit/conf_fixture.h"

static void the_printed_example_is_a_good_file(void **state)
{
	int out = dup(STDOUT_FILENO);

	(void)state;
	fflush(stdout);
	assert_non_null(freopen(in_folder("example.conf"), "w", stdout));
	conf_print_example();
	fflush(stdout);
	assert_true(dup2(out, STDOUT_FILENO) >= 0);
	close(out);
	struct conf *c = read_good_file(in_folder("example.conf"));
	assert_int_equal(c->deadlines.ms[DEADLINE_IDLE], 300000);
	conf_free(c);
}

static void the_shipped_sample_is_a_good_file(void **state)
{
	const char *source = getenv("TLSWARD_SRC");
	char path[1024];

	(void)state;
	snprintf(path, sizeof path, "%s/etc/tlsward.conf", source ? source : ".");
	conf_free(read_good_file(path));
}

/* The manual has an item for each row, written ".It Ic name" with the last part of its path. */
static char *manual_page(void)
{
	const char *source = getenv("TLSWARD_SRC");
	char path[1024], *page = NULL;
	size_t size = 0;

	snprintf(path, sizeof path, "%s/doc/tlsward.conf.5", source ? source : ".");
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	assert_true(getdelim(&page, &size, '\0', f) > 0);
	fclose(f);
	return page;
}

static void the_manual_page_knows_every_setting(void **state)
{
	char item[128], *page = manual_page();

	(void)state;
	for (size_t i = 0; i < conf_table_n; i++) {
		const char *dot = strrchr(conf_table[i].path, '.');
		snprintf(item, sizeof item, ".It Ic %s", dot ? dot + 1 : conf_table[i].path);
		if (!strstr(page, item))
			fail_msg("the manual page has no \"%s\"", item);
	}
	free(page);
}

/* What is not named there changes in place. */
static void the_manual_page_says_what_a_reload_can_change(void **state)
{
	char *page = manual_page(), *workers = strstr(page, ".It New workers\n"), *restart = strstr(page, ".It A restart\n");
	char word[128];

	(void)state;
	assert_non_null(workers);
	assert_non_null(restart);
	restart[-1] = strstr(restart, ".El\n")[0] = '\0';
	for (size_t i = 0; i < conf_table_n; i++) {
		const struct conf_setting *row = &conf_table[i];
		if (row->scope != CONF_ROOT || row->refused || row->type == CONF_GROUPS)
			continue;
		snprintf(word, sizeof word, " %s ", row->path);
		if ((strstr(workers, word) != NULL) != (row->effect == CONF_NEW_WORKERS) ||
		    (strstr(restart, word) != NULL) != (row->effect == CONF_RESTART))
			fail_msg("the manual page has %s in the wrong place", row->path);
	}
	free(page);
}

static void every_setting_says_what_a_reload_does_with_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_table_n; i++)
		if (conf_table[i].effect == CONF_UNSAID)
			fail_msg("%s has no effect", conf_table[i].path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_printed_example_is_a_good_file),
		cmocka_unit_test(the_shipped_sample_is_a_good_file),
		cmocka_unit_test(the_manual_page_knows_every_setting),
		cmocka_unit_test(the_manual_page_says_what_a_reload_can_change),
		cmocka_unit_test(every_setting_says_what_a_reload_does_with_it),
	};
	return cmocka_run_group_tests_name("conf_table", tests, conf_fixture_setup, conf_fixture_teardown);
}
