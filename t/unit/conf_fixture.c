/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/unit/conf_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/unit/folder.h"

#define SAID_MAX 64

struct said {
	int n;
	char *text[SAID_MAX];
};

static char folder[] = "/tmp/tlsward-conf-XXXXXX";
static struct said said;

static void on_report(void *data, const char *text)
{
	struct said *s = data;

	assert_true(s->n < SAID_MAX);
	s->text[s->n++] = strdup(text);
}

static void forget(void)
{
	for (int i = 0; i < said.n; i++)
		free(said.text[i]);
	said.n = 0;
}

const char *in_folder(const char *name)
{
	static char path[2][512];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
	return path[turn];
}

void write_file(const char *name, const char *text)
{
	FILE *f = fopen(in_folder(name), "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

struct conf *read_file(const char *path)
{
	forget();
	return conf_read(path, on_report, &said);
}

struct conf *read_text(const char *text)
{
	write_file("t.conf", text);
	return read_file(in_folder("t.conf"));
}

static void show_said(void)
{
	for (int i = 0; i < said.n; i++)
		print_message("# said: %s\n", said.text[i]);
}

static struct conf *good(struct conf *c)
{
	show_said();
	assert_non_null(c);
	assert_int_equal(said.n, 0);
	return c;
}

struct conf *read_good_file(const char *path)
{
	return good(read_file(path));
}

struct conf *read_good(const char *text)
{
	return good(read_text(text));
}

int said_n(void)
{
	return said.n;
}

void assert_said(const char *file, int line, const char *words)
{
	char where[600];

	snprintf(where, sizeof where, line ? "%s:%d: " : "%s: ", in_folder(file), line);
	for (int i = 0; i < said.n; i++) {
		char copy[256], *save = NULL;
		bool all = strncmp(said.text[i], where, strlen(where)) == 0;
		snprintf(copy, sizeof copy, "%s", words);
		for (char *w = strtok_r(copy, "|", &save); w; w = strtok_r(NULL, "|", &save))
			all = all && strstr(said.text[i] + strlen(where), w);
		if (all)
			return;
	}
	show_said();
	fail_msg("nobody said %s with %s", where, words);
}

void assert_refused(const char *text, int line, const char *words)
{
	assert_null(read_text(text));
	assert_said("t.conf", line, words);
	if (said.n != 1)
		show_said();
	assert_int_equal(said.n, 1);
}

int conf_fixture_setup(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

int conf_fixture_teardown(void **state)
{
	(void)state;
	forget();
	folder_empty(in_folder("sub"));
	rmdir(in_folder("sub"));
	folder_empty(folder);
	return rmdir(folder);
}
