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
#define READABLE 15	/* below that, optional columns go first */
#define HIDDEN (-1)	/* the width of a column that is left out */

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

static bool is_cuttable(const struct column *c)
{
	return c->kind == COLUMN_CUTTABLE || c->kind == COLUMN_PATH || c->kind == COLUMN_CUTTABLE_OPTIONAL;
}

static bool is_optional(const struct column *c)
{
	return c->kind == COLUMN_RIGHT_OPTIONAL || c->kind == COLUMN_CUTTABLE_OPTIONAL;
}

/* The widest of the columns that may still lose something, or -1. */
static int widest_cuttable(const struct table *t, const int *widths)
{
	int widest = -1;

	for (int i = 0; i < (int)t->columns_n; i++)
		if (is_cuttable(&t->columns[i]) && widths[i] > CUT_MIN && (widest < 0 || widths[i] > widths[widest]))
			widest = i;
	return widest;
}

/* Of the columns that are shown, with so much between them. */
static int total_width(const struct table *t, const int *widths, int gap)
{
	int total = -gap;

	for (size_t i = 0; i < t->columns_n; i++)
		total += widths[i] == HIDDEN ? 0 : widths[i] + gap;
	return total;
}

/* Cuts to width, if that can be; whether everything that was cut can be read. */
static bool cut(const struct table *t, const int *natural, int *widths, int width)
{
	int i;

	memcpy(widths, natural, t->columns_n * sizeof *widths);
	for (int total = total_width(t, widths, 1); total > width && (i = widest_cuttable(t, widths)) >= 0; total--)
		widths[i]--;
	for (i = 0; i < (int)t->columns_n; i++)
		if (widths[i] < natural[i] && widths[i] < READABLE)
			return false;
	return total_width(t, widths, 1) <= width;
}

static bool hide_one(const struct table *t, int *widths)
{
	for (size_t i = t->columns_n; i-- > 0;) {
		if (!is_optional(&t->columns[i]) || widths[i] == HIDDEN)
			continue;
		widths[i] = HIDDEN;
		return true;
	}
	return false;
}

/* Returns the gap to use. */
static int shrink(const struct table *t, int *widths, int width)
{
	int natural[COLUMNS_MAX];

	memcpy(natural, widths, sizeof natural);
	if (total_width(t, widths, GAP) <= width)
		return GAP;
	while (!cut(t, natural, widths, width) && hide_one(t, natural))
		;
	return 1;
}

static const char *cut_mark(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? "\xe2\x80\xa6" : ">";
}

/* One character of text: its bytes, and its columns to *width. */
static size_t next_character(const char *text, size_t left, int *width)
{
	mbstate_t state = { 0 };
	wchar_t c;
	size_t n = mbrtowc(&c, text, left, &state);

	*width = n <= left ? wcwidth(c) : 1;
	return n <= left && n > 0 ? n : 1;
}

/* Prints at most width columns of text, its beginning; returns how many. */
static int print_beginning(FILE *out, const char *text, int width)
{
	int used = 0, w;

	for (size_t left = strlen(text); left > 0; ) {
		size_t n = next_character(text, left, &w);
		if (used + w > width - 1)
			break;
		fwrite(text, 1, n, out);
		used += w;
		text += n;
		left -= n;
	}
	fputs(cut_mark(), out);
	return used + 1;
}

/* The same with its end. */
static int print_end(FILE *out, const char *text, int width)
{
	int rest = unit_width(text), w;

	for (size_t left = strlen(text); left > 0 && rest > width - 1; ) {
		size_t n = next_character(text, left, &w);
		rest -= w;
		text += n;
		left -= n;
	}
	fputs(cut_mark(), out);
	fputs(text, out);
	return rest + 1;
}

static int print_cut(FILE *out, const char *text, int width, bool path)
{
	if (unit_width(text) <= width)
		return fputs(text, out) < 0 ? 0 : unit_width(text);
	return path ? print_end(out, text, width) : print_beginning(out, text, width);
}

/* With so much behind it; 0: it is the last of its row. */
static void print_cell(const struct table *t, FILE *out, size_t column, const char *text, const int *widths, int gap)
{
	int width = unit_width(text), pad = widths[column] > width ? widths[column] - width : 0;

	if (t->columns[column].kind == COLUMN_RIGHT || t->columns[column].kind == COLUMN_RIGHT_OPTIONAL) {
		fprintf(out, "%*s%s", pad, "", text);
		pad = 0;
	} else {
		pad = widths[column] - print_cut(out, text, widths[column], t->columns[column].kind == COLUMN_PATH);
	}
	fprintf(out, "%*s", gap > 0 ? pad + gap : 0, "");
}

static void print_row(const struct table *t, FILE *out, char *const *cells, const int *widths, int gap)
{
	size_t last = t->columns_n;

	while (last > 0 && widths[last - 1] == HIDDEN)
		last--;
	for (size_t i = 0; i < last; i++)
		if (widths[i] != HIDDEN)
			print_cell(t, out, i, cells ? cells[i] : t->columns[i].title, widths, i == last - 1 ? 0 : gap);
	fputc('\n', out);
}

void table_print(const struct table *t, FILE *out, int width)
{
	int widths[COLUMNS_MAX];

	natural_widths(t, widths);
	int gap = width > 0 ? shrink(t, widths, width) : GAP;
	print_row(t, out, NULL, widths, gap);
	for (size_t i = 0; i < t->cells_n; i += t->columns_n)
		print_row(t, out, &t->cells[i], widths, gap);
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
