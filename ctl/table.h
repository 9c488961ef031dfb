/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A table of text: columns as wide as they need to be. Where the terminal is
 * narrower, the columns that may be cut share what there is; if that is too
 * little to read, optional columns are left out, the last one first.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <stddef.h>
#include <stdio.h>

struct column {
	const char *title;	/* NULL ends a list */
	/* Cuttable ones stand left, and lose their end, or (paths) their beginning. */
	enum { COLUMN_LEFT, COLUMN_RIGHT, COLUMN_CUTTABLE, COLUMN_PATH, COLUMN_RIGHT_OPTIONAL, COLUMN_CUTTABLE_OPTIONAL } kind;
};

struct table;

/* columns is kept. Exits if memory runs out. */
struct table *table_new(const struct column *columns);
/* Takes text (from malloc, safe for a terminal); fills row by row. */
void table_add(struct table *t, char *text);
/* Cuts to width columns; 0: never cuts. */
void table_print(const struct table *t, FILE *out, int width);
void table_free(struct table *t);

/* Width of the terminal at out; 0 if it is none. */
int table_terminal_width(FILE *out);

#endif
