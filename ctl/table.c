/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/table.h"

#include <langinfo.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "ctl/units.h"

#define COLUMNS_MAX 32
#define GAP 2		/* between columns; 1 where the terminal is narrow */
#define CUT_MIN 7	/* a cuttable column keeps at least as much */

struct table {
	const struct column *columns;
	size_t columns_n, cells_n, cap;
	char **cells;
};

struct table *table_new(const struct column *columns)
{
	struct table *t = calloc(1, sizeof *t);

	if (!t) {
		fputs("tlswardctl: out of memory\n", stderr);
		exit(1);
	}
	t->columns = columns;
	while (columns[t->columns_n].title && t->columns_n < COLUMNS_MAX)
		t->columns_n++;
	return t;
}

void table_add(struct table *t, char *text)
{
	if (t->cells_n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 256;
		t->cells = realloc(t->cells, t->cap * sizeof *t->cells);
		if (!t->cells) {
			fputs("tlswardctl: out of memory\n", stderr);
			exit(1);
		}
	}
	t->cells[t->cells_n++] = text;
}

static void natural_widths(const struct table *t, int *widths)
{
	for (size_t i = 0; i < t->columns_n; i++)
		widths[i] = (int)strlen(t->columns[i].title);
	for (size_t i = 0; i < t->cells_n; i++) {
		int w = unit_width(t->cells[i]), *column = &widths[i % t->columns_n];
		*column = w > *column ? w : *column;
	}
}

/* The widest of the columns that may still lose something, or -1. */
static int widest_cuttable(const struct table *t, const int *widths)
{
	int widest = -1;

	for (int i = 0; i < (int)t->columns_n; i++)
		if (t->columns[i].kind == COLUMN_CUTTABLE && widths[i] > CUT_MIN && (widest < 0 || widths[i] > widths[widest]))
			widest = i;
	return widest;
}

/* Returns the gap to use. */
static int shrink(const struct table *t, int *widths, int width)
{
	int total = -1, n = (int)t->columns_n, i;

	for (i = 0; i < n; i++)
		total += widths[i] + 1;
	if (total + (n - 1) * (GAP - 1) <= width)
		return GAP;
	for (; total > width && (i = widest_cuttable(t, widths)) >= 0; total--)
		widths[i]--;
	return 1;
}

/* Prints at most width columns of text; returns how many. */
static int print_cut(FILE *out, const char *text, int width)
{
	const char *mark = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? "\xe2\x80\xa6" : ">";
	mbstate_t state = { 0 };
	int used = 0;

	if (unit_width(text) <= width)
		return fputs(text, out) < 0 ? 0 : unit_width(text);
	for (size_t left = strlen(text); left > 0; ) {
		wchar_t c;
		size_t n = mbrtowc(&c, text, left, &state);
		int w = n <= left ? wcwidth(c) : 1;
		if (used + w > width - 1)
			break;
		n = n <= left && n > 0 ? n : 1;
		fwrite(text, 1, n, out);
		used += w;
		text += n;
		left -= n;
	}
	fputs(mark, out);
	return used + 1;
}

static void print_cell(const struct table *t, FILE *out, size_t column, const char *text, const int *widths, int gap)
{
	int width = unit_width(text), pad = widths[column] > width ? widths[column] - width : 0;
	bool last = column == t->columns_n - 1;

	if (t->columns[column].kind == COLUMN_RIGHT) {
		fprintf(out, "%*s%s", pad, "", text);
		pad = 0;
	} else {
		pad = widths[column] - print_cut(out, text, widths[column]);
	}
	if (last)
		fputc('\n', out);
	else
		fprintf(out, "%*s", pad + gap, "");
}

void table_print(const struct table *t, FILE *out, int width)
{
	int widths[COLUMNS_MAX];

	natural_widths(t, widths);
	int gap = width > 0 ? shrink(t, widths, width) : GAP;
	for (size_t i = 0; i < t->columns_n; i++)
		print_cell(t, out, i, t->columns[i].title, widths, gap);
	for (size_t i = 0; i < t->cells_n; i++)
		print_cell(t, out, i % t->columns_n, t->cells[i], widths, gap);
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->cells_n; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

int table_terminal_width(FILE *out)
{
	struct winsize size;
	int fd = fileno(out);

	if (!isatty(fd))
		return 0;
	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}
