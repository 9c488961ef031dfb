/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libconfig 1.5 keeps the low 32 bits of an integer without an L and says
 * nothing: 4294967296 reads as 0. Such numbers are found in the text of the
 * files, with just enough of libconfig's tokens to know a number from the rest.
 */
#include "supervisor/conf_reader.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void remember(struct conf_reader *r, const char *file, double as_read)
{
	struct conf_mangled *m = realloc(r->mangled, (r->mangled_n + 1) * sizeof *m);

	if (!m)
		return;	/* at worst the same number is reported twice */
	m[r->mangled_n++] = (struct conf_mangled){ file, as_read };
	r->mangled = m;
}

static bool is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '*';
}

/* A number's text: digits with what floats, hexadecimals and suffixes bring along. */
static size_t number_size(const char *p)
{
	size_t n = *p == '-' || *p == '+';

	while (isalnum((unsigned char)p[n]) || p[n] == '.' ||
	       ((p[n] == '-' || p[n] == '+') && (p[n - 1] == 'e' || p[n - 1] == 'E')))
		n++;
	return n;
}

static void check_number(struct conf_reader *r, struct conf_where at, const char *p, size_t size)
{
	bool hex = size > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
	long long v;
	char *end;

	if (memchr(p, '.', size) || (!hex && (memchr(p, 'e', size) || memchr(p, 'E', size))))
		return;
	errno = 0;
	v = strtoll(p, &end, hex ? 16 : 10);
	if (errno == 0 && (*end == 'L' || (v >= INT32_MIN && v <= INT32_MAX)))
		return;
	remember(r, at.file, *end == 'L' ? (double)v : (double)(int32_t)v);
	conf_error_at(r, at, "the number %.*s is too large; numbers go from %d to %d here",
		(int)(size < 40 ? size : 40), p, INT32_MIN, INT32_MAX);
}

static const char *skip_line(const char *p)
{
	return p + strcspn(p, "\n");
}

/* Past a comment or a string, counting its lines. */
static const char *skip_to(const char *p, const char *end, bool escapes, unsigned *line)
{
	size_t n = strlen(end);

	while (*p && strncmp(p, end, n) != 0) {
		if (escapes && *p == '\\' && p[1])
			p++;
		*line += *p++ == '\n';
	}
	return *p ? p + n : p;
}

static void check_text(struct conf_reader *r, const char *file, const char *p)
{
	struct conf_where at = { .file = file, .line = 1 };

	while (*p) {
		if (*p == '#' || strncmp(p, "//", 2) == 0) {
			p = skip_line(p);
		} else if (strncmp(p, "/*", 2) == 0) {
			p = skip_to(p + 2, "*/", false, &at.line);
		} else if (*p == '"') {
			p = skip_to(p + 1, "\"", true, &at.line);
		} else if (isalpha((unsigned char)*p) || *p == '*') {
			while (is_name_byte(*p))
				p++;
		} else if (isdigit((unsigned char)*p) || *p == '.' || *p == '-' || *p == '+') {
			size_t n = number_size(p);
			check_number(r, at, p, n);
			p += n > 0 ? n : 1;
		} else {
			at.line += *p++ == '\n';
		}
	}
}

static char *read_text(const char *file)
{
	FILE *f = fopen(file, "re");
	char *text = NULL;
	size_t size = 0;

	if (!f)
		return NULL;
	/* A configuration holds no NUL: libconfig has refused it. */
	if (getdelim(&text, &size, '\0', f) < 0) {
		free(text);
		text = NULL;
	}
	fclose(f);
	return text;
}

/* Names every file that brought a setting in r->conf->files. */
static void find_files(struct conf_reader *r, const config_setting_t *s)
{
	conf_where(r, s);
	if (!config_setting_is_aggregate(s))
		return;
	for (int i = 0; i < config_setting_length(s); i++)
		find_files(r, config_setting_get_elem(s, (unsigned)i));
}

void conf_numbers_check(struct conf_reader *r)
{
	find_files(r, config_root_setting(&r->file));
	for (size_t i = 0; r->conf->files && r->conf->files[i]; i++) {
		char *text = read_text(r->conf->files[i]);
		if (text)
			check_text(r, r->conf->files[i], text);
		free(text);
	}
}
