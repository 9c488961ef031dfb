/* SPDX-License-Identifier: BSD-2-Clause */
/* The sentences for a person: where a setting stands, what it is called, what was probably meant. */
#include "supervisor/conf_reader.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void __attribute__((format(printf, 4, 0)))
report(struct conf_reader *r, struct conf_where at, const char *label, const char *format, va_list args)
{
	char *what = NULL, *text = NULL, line[16] = "";

	r->errors++;
	if (at.line > 0)
		snprintf(line, sizeof line, ":%u", at.line);
	if (vasprintf(&what, format, args) < 0)
		what = NULL;
	if (what && asprintf(&text, "%s%s: %s%s%s", at.file, line, label, *label ? " " : "", what) < 0)
		text = NULL;
	r->report(r->data, text ? text : "out of memory while reading the configuration");
	free(what);
	free(text);
}

void conf_error_at(struct conf_reader *r, struct conf_where at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(r, at, "", format, args);
	va_end(args);
}

void conf_error(struct conf_reader *r, const config_setting_t *s, const char *format, ...)
{
	char label[CONF_LABEL];
	va_list args;

	va_start(args, format);
	report(r, conf_where(r, s), conf_label(s, label), format, args);
	va_end(args);
}

void conf_error_memory(struct conf_reader *r)
{
	conf_error_at(r, (struct conf_where){ .file = r->path }, "out of memory while reading it");
}

/* Writes from the end, because a setting knows its parent but not its path. */
const char *conf_label(const config_setting_t *s, char text[CONF_LABEL])
{
	size_t at = CONF_LABEL - 1;

	text[at] = '\0';
	for (; s && !config_setting_is_root(s); s = config_setting_parent(s)) {
		const config_setting_t *parent = config_setting_parent(s);
		bool top = config_setting_is_root(parent);
		char part[CONF_LABEL];
		int n = config_setting_name(s) ?
			snprintf(part, sizeof part, "%s%.100s", top ? "" : ".", config_setting_name(s)) :
			snprintf(part, sizeof part, "[%d]", config_setting_index(s));
		if ((size_t)n > at)
			break;
		at -= (size_t)n;
		memcpy(text + at, part, (size_t)n);
	}
	return text + at;
}

/*
 * libconfig gives the name of an included file as the including one wrote it,
 * in memory that ends with the config_t.
 */
struct conf_where conf_where(struct conf_reader *r, const config_setting_t *s)
{
	const char *source = config_setting_source_file(s);
	struct conf_where where = { .file = r->path, .line = config_setting_source_line(s) };
	char *name = NULL;
	char **files;
	size_t n = 0;

	if (!source || strcmp(source, r->path) == 0)
		source = r->path;
	if (source == r->path || source[0] == '/' ? !(name = strdup(source)) :
	    asprintf(&name, "%s/%s", r->folder, source) < 0) {
		conf_error_memory(r);
		return where;
	}
	for (; r->conf->files && r->conf->files[n]; n++) {
		if (strcmp(r->conf->files[n], name) == 0) {
			free(name);
			where.file = r->conf->files[n];
			return where;
		}
	}
	files = realloc(r->conf->files, (n + 2) * sizeof *files);
	if (!files) {
		free(name);
		conf_error_memory(r);
		return where;
	}
	files[n] = name;
	files[n + 1] = NULL;
	r->conf->files = files;
	where.file = name;
	return where;
}

const char *conf_found(const config_setting_t *s)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_GROUP: return "a block { }";
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64: return "an integer";
	case CONFIG_TYPE_FLOAT: return "a number with a point";
	case CONFIG_TYPE_STRING: return "a string";
	case CONFIG_TYPE_BOOL: return "true or false";
	case CONFIG_TYPE_ARRAY: return "an array [ ]";
	case CONFIG_TYPE_LIST: return "a list ( )";
	}
	return "nothing";
}

static size_t smallest(size_t a, size_t b) { return a < b ? a : b; }

/*
 * Edits (insert, delete, replace, swap of neighbours) from a to b; names too
 * long for the rows count as far apart.
 */
static size_t edits(const char *a, const char *b)
{
	size_t rows[3][65], *before = rows[0], *last = rows[1], *now = rows[2];
	size_t na = strlen(a), nb = strlen(b);

	if (na > 64 || nb > 64)
		return SIZE_MAX;
	for (size_t j = 0; j <= nb; j++)
		last[j] = before[j] = j;
	for (size_t i = 1; i <= na; i++) {
		now[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			now[j] = smallest(smallest(last[j], now[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = smallest(now[j], before[j - 2] + 1);
		}
		size_t *free_row = before;
		before = last;
		last = now;
		now = free_row;
	}
	return last[nb];
}

/* A third of the word may differ: with two edits of two letters everything would be near. */
struct conf_guess conf_guess(const char *word)
{
	size_t third = strlen(word) / 3;

	return (struct conf_guess){ .word = word, .distance = (third < 1 ? 1 : third) + 1 };
}

void conf_guess_try(struct conf_guess *g, const char *candidate)
{
	size_t d = edits(g->word, candidate);

	if (d < g->distance) {
		g->distance = d;
		snprintf(g->best, sizeof g->best, "%s", candidate);
	}
}

const char *conf_guess_text(const struct conf_guess *g, char text[CONF_LABEL])
{
	text[0] = '\0';
	if (g->best[0])
		snprintf(text, CONF_LABEL, "; did you mean \"%s\"?", g->best);
	return text;
}
