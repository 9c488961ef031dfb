/* SPDX-License-Identifier: BSD-2-Clause */
/* One setting and its field: default, reading with type and bounds, freeing. */
#include "supervisor/conf_reader.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *field(const struct conf_setting *row, void *base)
{
	return (char *)base + row->offset;
}

void conf_strings_free(char **strings)
{
	for (size_t i = 0; strings && strings[i]; i++)
		free(strings[i]);
	free(strings);
}

void conf_value_clear(const struct conf_setting *row, void *base)
{
	if (row->type == CONF_STRING) {
		free(*(char **)field(row, base));
		*(char **)field(row, base) = NULL;
	} else if (row->type == CONF_STRINGS) {
		conf_strings_free(*(char ***)field(row, base));
		*(char ***)field(row, base) = NULL;
	} else if (row->type == CONF_SCRIPTS) {
		int *n = (int *)((char *)base + row->count);
		conf_scripts_free(*(struct conf_script **)field(row, base), *n);
		*(struct conf_script **)field(row, base) = NULL;
		*n = 0;
	}
}

static void set_number(const struct conf_setting *row, void *base, double v)
{
	void *at = field(row, base);

	switch (row->type) {
	case CONF_INT:
	case CONF_WORKERS:
	case CONF_CHOICE:
		*(int *)at = (int)v;
		break;
	case CONF_PORT:
		*(uint16_t *)at = (uint16_t)v;
		break;
	case CONF_BOOL:
	case CONF_ON_OFF:
		*(bool *)at = v != 0;
		break;
	case CONF_SECONDS:
	case CONF_REAL:
		*(double *)at = v;
		break;
	case CONF_DEADLINE:
		*(uint32_t *)at = (uint32_t)v;
		break;
	default:
		break;
	}
}

/* The words of a text, each a string of its own; NULL without memory. */
static char **split(const char *text)
{
	char **strings = calloc(strlen(text) / 2 + 2, sizeof *strings);

	for (int n = 0; strings && *text; n++) {
		size_t size = strcspn(text, " ");
		strings[n] = strndup(text, size);
		if (!strings[n]) {
			conf_strings_free(strings);
			return NULL;
		}
		text += size + (text[size] == ' ');
	}
	return strings;
}

int conf_value_default(const struct conf_setting *row, void *base)
{
	if (row->type == CONF_STRING && row->text) {
		char *text = strdup(row->text);
		*(char **)field(row, base) = text;
		return text ? 0 : -1;
	}
	if (row->type == CONF_STRINGS) {
		char **strings = split(row->text ? row->text : "");
		*(char ***)field(row, base) = strings;
		return strings ? 0 : -1;
	}
	set_number(row, base, row->number);
	return 0;
}

/* By value, since a setting's line is that of its name and the number may stand further down. */
static bool is_mangled(struct conf_reader *r, const config_setting_t *s, double v)
{
	const char *file = conf_where(r, s).file;

	for (size_t i = 0; i < r->mangled_n; i++)
		if (r->mangled[i].file == file && r->mangled[i].as_read == v)
			return true;
	return false;
}

static bool is_integer(const config_setting_t *s)
{
	return config_setting_type(s) == CONFIG_TYPE_INT || config_setting_type(s) == CONFIG_TYPE_INT64;
}

static bool is_number(const config_setting_t *s)
{
	return is_integer(s) || config_setting_type(s) == CONFIG_TYPE_FLOAT;
}

static double number(const config_setting_t *s)
{
	return is_integer(s) ? (double)config_setting_get_int64(s) : config_setting_get_float(s);
}

/* Bounds are written as a person would: 604800, not 6.048e+05. */
static bool in_range(struct conf_reader *r, const struct conf_setting *row, const config_setting_t *s, double v)
{
	if ((v >= row->min && v <= row->max) || (v == 0 && row->zero))
		return true;
	if (!is_mangled(r, s, v))
		conf_error(r, s, "must be from %.10g to %.10g%s, but is %.10g", row->min, row->max,
			row->zero ? " (or 0 for none)" : "", v);
	return false;
}

static void read_number(struct conf_reader *r, const struct conf_setting *row, void *base, const config_setting_t *s)
{
	bool whole = row->type == CONF_INT || row->type == CONF_PORT;

	if (whole ? !is_integer(s) : !is_number(s))
		conf_error(r, s, "must be %s, but is %s", whole ? "an integer" :
			row->type == CONF_REAL ? "a number" : "a number of seconds", conf_found(s));
	else if (in_range(r, row, s, number(s)))
		set_number(row, base, row->type == CONF_DEADLINE ? number(s) * 1000 + 0.5 : number(s));
}

static void read_workers(struct conf_reader *r, const struct conf_setting *row, void *base, const config_setting_t *s)
{
	const char *text = config_setting_get_string(s);

	if (text && strcmp(text, "auto") == 0)
		set_number(row, base, 0);
	else if (!is_integer(s))
		conf_error(r, s, "must be \"auto\" or an integer from %g to %g, but is %s%s%.40s%s", row->min, row->max,
			conf_found(s), text ? " \"" : "", text ? text : "", text ? "\"" : "");
	else if (in_range(r, row, s, number(s)))
		set_number(row, base, number(s));
}

static void read_bool(struct conf_reader *r, const struct conf_setting *row, void *base, const config_setting_t *s)
{
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		conf_error(r, s, "must be true or false, but is %s", conf_found(s));
	else
		set_number(row, base, config_setting_get_bool(s));
}

/* One of words; false after reporting. */
static bool read_word(struct conf_reader *r, const char *words, const config_setting_t *s, int *place)
{
	const char *text = config_setting_get_string(s);
	char list[CONF_LABEL] = "", guessed[CONF_LABEL], copy[CONF_LABEL], *save = NULL;
	struct conf_guess guess = conf_guess(text ? text : "");

	snprintf(copy, sizeof copy, "%s", words);
	*place = 0;
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save), ++*place) {
		if (text && strcmp(w, text) == 0)
			return true;
		size_t n = strlen(list);
		snprintf(list + n, sizeof list - n, "%s\"%s\"", n ? ", " : "", w);
		conf_guess_try(&guess, w);
	}
	if (text)
		conf_error(r, s, "must be one of %s, but is \"%.100s\"%s", list, text, conf_guess_text(&guess, guessed));
	else
		conf_error(r, s, "must be a string, one of %s, but is %s", list, conf_found(s));
	return false;
}

static char *read_text(struct conf_reader *r, const struct conf_setting *row, const config_setting_t *s)
{
	const char *text = config_setting_get_string(s);
	char *copy;

	if (!text) {
		conf_error(r, s, "must be a string, but is %s", conf_found(s));
		return NULL;
	}
	if (text[0] == '\0' && !row->may_be_empty) {
		conf_error(r, s, "must not be empty");
		return NULL;
	}
	if (row->fix)
		return row->fix(r, s, text);
	copy = strdup(text);
	if (!copy)
		conf_error_memory(r);
	return copy;
}

static void read_string(struct conf_reader *r, const struct conf_setting *row, void *base, const config_setting_t *s)
{
	char *text = read_text(r, row, s);

	if (text) {
		conf_value_clear(row, base);
		*(char **)field(row, base) = text;
	}
}

static void read_strings(struct conf_reader *r, const struct conf_setting *row, void *base, const config_setting_t *s)
{
	int n = config_setting_is_aggregate(s) && !config_setting_is_group(s) ? config_setting_length(s) : -1;
	char **strings;

	if (n < 0) {
		conf_error(r, s, "must be an array of strings, [ \"...\" ], but is %s", conf_found(s));
		return;
	}
	if (n < row->min || n > row->max) {
		conf_error(r, s, "must have from %g to %g members, but has %d", row->min, row->max, n);
		return;
	}
	strings = calloc((size_t)n + 1, sizeof *strings);
	if (!strings) {
		conf_error_memory(r);
		return;
	}
	for (int i = 0, kept = 0; i < n; i++) {
		strings[kept] = read_text(r, row, config_setting_get_elem(s, (unsigned)i));
		kept += strings[kept] != NULL;
	}
	conf_value_clear(row, base);
	*(char ***)field(row, base) = strings;
}

void conf_value_read(struct conf_reader *r, const struct conf_setting *row, void *base, const config_setting_t *s)
{
	int place;

	if (row->refused) {
		conf_error(r, s, "%s", row->refused);
		return;
	}
	switch (row->type) {
	case CONF_INT:
	case CONF_PORT:
	case CONF_SECONDS:
	case CONF_REAL:
	case CONF_DEADLINE:
		read_number(r, row, base, s);
		break;
	case CONF_BOOL:
		read_bool(r, row, base, s);
		break;
	case CONF_ON_OFF:
		if (read_word(r, "off on", s, &place))
			set_number(row, base, place);
		break;
	case CONF_CHOICE:
		if (read_word(r, row->words, s, &place))
			set_number(row, base, place);
		break;
	case CONF_WORKERS:
		read_workers(r, row, base, s);
		break;
	case CONF_STRING:
		read_string(r, row, base, s);
		break;
	case CONF_STRINGS:
		read_strings(r, row, base, s);
		break;
	case CONF_SCRIPTS:
		conf_scripts_read(r, field(row, base), (int *)((char *)base + row->count), s);
		break;
	case CONF_GROUPS:
	case CONF_BLOCK:
		break;
	}
}
