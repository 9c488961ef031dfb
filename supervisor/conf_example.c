/* SPDX-License-Identifier: BSD-2-Clause */
/* The table as an example file. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/conf.h"
#include "supervisor/conf_table.h"

#define WIDTH 100

static void print_tabs(int depth)
{
	for (int i = 0; i < depth; i++)
		putchar('\t');
}

static void print_comment(int depth, const char *text)
{
	size_t width = WIDTH - 8 * (size_t)depth;

	while (*text) {
		size_t n = strlen(text);
		if (n > width)
			for (n = width; text[n] != ' ' && n > 1; n--)
				;
		print_tabs(depth);
		printf("# %.*s\n", (int)n, text);
		text += n + (text[n] == ' ');
	}
}

static void print_word(const struct conf_setting *row)
{
	const char *words = row->words;

	for (int i = 0; i < (int)row->number; i++)
		words = strchr(words, ' ') + 1;
	printf("\"%.*s\"", (int)strcspn(words, " "), words);
}

static void print_words(const char *text)
{
	const char *gap = "";

	fputs("[ ", stdout);
	for (; *text; gap = ", ") {
		size_t n = strcspn(text, " ");
		printf("%s\"%.*s\"", gap, (int)n, text);
		text += n + (text[n] == ' ');
	}
	fputs(" ]", stdout);
}

static void print_value(const struct conf_setting *row)
{
	double inherited = row->type == CONF_DEADLINE ? deadline_default_ms(deadline_by_name(strchr(row->path, '.') + 1)) : 0;

	if (row->example)
		fputs(row->example, stdout);
	else if (row->type == CONF_STRING)
		printf("\"%s\"", row->text);
	else if (row->type == CONF_STRINGS)
		print_words(row->text);
	else if (row->type == CONF_CHOICE)
		print_word(row);
	else if (row->type == CONF_WORKERS)
		fputs("\"auto\"", stdout);
	else if (row->type == CONF_BOOL)
		fputs(row->number ? "true" : "false", stdout);
	else if (row->type == CONF_ON_OFF)
		fputs(row->number ? "\"on\"" : "\"off\"", stdout);
	else if (row->type == CONF_DEADLINE)
		printf("%.10g", (row->number == CONF_INHERITED ? inherited : row->number) / 1000);
	else
		printf("%.10g", row->number);
}

static void print_scope(enum conf_scope scope, int depth);

static void print_row(const struct conf_setting *row, int depth)
{
	bool refused = row->refused != NULL;
	bool optional = row->number == CONF_INHERITED || (row->example && !row->required && !row->in_example);
	const char *name = strrchr(row->path, '.') ? strrchr(row->path, '.') + 1 : row->path;

	if (depth == 0)
		putchar('\n');
	print_comment(depth, row->help);
	if (row->type == CONF_GROUPS) {
		print_tabs(depth);
		printf("%s = ( {\n", name);
		print_scope(row->of, depth + 1);
		print_tabs(depth);
		printf("} );\n");
		return;
	}
	print_tabs(depth);
	if (refused)
		printf("# %s %s\n", name, row->refused);
	else
		printf("%s%s = ", optional ? "# " : "", name), print_value(row), printf(";\n");
}

/* How many levels of blocks stand before the name. */
static int levels(const char *path)
{
	int n = 0;

	for (; *path; path++)
		n += *path == '.';
	return n;
}

/* The length of the first n levels. */
static size_t levels_size(const char *path, int n)
{
	const char *at = path;

	while (n-- > 0)
		at = strchr(at, '.') + 1;
	return (size_t)(at - path);
}

/* How many blocks both stand in. */
static int common_levels(const char *a, const char *b)
{
	int n = 0, most = levels(a) < levels(b) ? levels(a) : levels(b);

	while (n < most && levels_size(a, n + 1) == levels_size(b, n + 1) && strncmp(a, b, levels_size(a, n + 1)) == 0)
		n++;
	return n;
}

static void close_blocks(int depth, int from, int to)
{
	for (; from > to; from--) {
		print_tabs(depth + from - 1);
		printf("};\n");
	}
}

static void open_blocks(int depth, const char *path, int from)
{
	for (; from < levels(path); from++) {
		const char *name = path + levels_size(path, from);
		if (depth + from == 0)
			putchar('\n');
		print_tabs(depth + from);
		printf("%.*s = {\n", (int)strcspn(name, "."), name);
	}
}

static void print_scope(enum conf_scope scope, int depth)
{
	const char *last = "";

	for (size_t i = 0; i < conf_table_n; i++) {
		const struct conf_setting *row = &conf_table[i];
		if (row->scope != scope)
			continue;
		int same = common_levels(last, row->path);
		close_blocks(depth, levels(last), same);
		open_blocks(depth, row->path, same);
		print_row(row, depth + levels(row->path));
		last = row->path;
	}
	close_blocks(depth, levels(last), 0);
}

void conf_print_example(void)
{
	print_comment(0, "Every setting of tlsward with its default. A commented line is a setting without one, "
		"or one that a listener takes from the whole program. See tlsward.conf(5).");
	print_scope(CONF_ROOT, 0);
}
