/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings of policy scripts: a block for each script, whose members are that
 * script's own business and reach it as MSG_SCRIPT carries them.
 */
#include "supervisor/conf_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

#define SETTINGS_BYTES 4096	/* of one script; what a message takes */
#define SCRIPTS_MAX 64

/* The value as text into text; its kind, or 0 after reporting. */
static char scalar(struct conf_reader *r, const config_setting_t *s, char text[SETTINGS_BYTES])
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_BOOL:
		snprintf(text, SETTINGS_BYTES, "%s", config_setting_get_bool(s) ? "true" : "false");
		return 'b';
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		snprintf(text, SETTINGS_BYTES, "%lld", config_setting_get_int64(s));
		return 'n';
	case CONFIG_TYPE_FLOAT:
		snprintf(text, SETTINGS_BYTES, "%.17g", config_setting_get_float(s));
		return 'n';
	case CONFIG_TYPE_STRING:
		if (snprintf(text, SETTINGS_BYTES, "%s", config_setting_get_string(s)) < SETTINGS_BYTES)
			return 's';
		conf_error(r, s, "is too long: all settings of a script together take at most %d bytes", SETTINGS_BYTES);
		return 0;
	default:
		conf_error(r, s, "must be a string, a number, true or false, but is %s", conf_found(s));
		return 0;
	}
}

static void put_setting(struct conf_reader *r, struct buf *b, const config_setting_t *s)
{
	const char *key = config_setting_name(s);
	char text[SETTINGS_BYTES];
	char kind = scalar(r, s, text);

	if (!kind)
		return;
	if (strlen(key) > UINT8_MAX) {
		conf_error(r, s, "has too long a name: at most %d bytes", UINT8_MAX);
		return;
	}
	buf_put_u8(b, (uint8_t)kind);
	buf_put_u8(b, (uint8_t)strlen(key));
	buf_put_bytes(b, key, strlen(key));
	buf_put_u16(b, (uint16_t)strlen(text));
	buf_put_bytes(b, text, strlen(text));
}

static char *place_of(struct conf_reader *r, const config_setting_t *s)
{
	struct conf_where where = conf_where(r, s);
	char label[CONF_LABEL], *text = NULL;

	return asprintf(&text, "%s:%u: %s", where.file, where.line, conf_label(s, label)) < 0 ? NULL : text;
}

/* Of all members; NULL if there is no memory for one of them. */
static char **places_below(struct conf_reader *r, const config_setting_t *s)
{
	int n = config_setting_length(s);
	char **places = calloc((size_t)n + 1, sizeof *places);

	for (int i = 0; places && i < n; i++) {
		places[i] = place_of(r, config_setting_get_elem((config_setting_t *)s, (unsigned)i));
		if (!places[i]) {
			conf_strings_free(places);
			return NULL;
		}
	}
	return places;
}

static void read_script(struct conf_reader *r, struct conf_script *script, const config_setting_t *s)
{
	uint8_t bytes[SETTINGS_BYTES];
	struct buf b;

	if (!config_setting_is_group(s)) {
		conf_error(r, s, "must be a block { ... } with the settings of the script of that name, but is %s", conf_found(s));
		return;
	}
	buf_init(&b, bytes, sizeof bytes);
	for (int i = 0; i < config_setting_length(s); i++)
		put_setting(r, &b, config_setting_get_elem((config_setting_t *)s, (unsigned)i));
	if (b.failed)
		conf_error(r, s, "is too large: all settings of a script together take at most %d bytes", SETTINGS_BYTES);
	script->place = place_of(r, s);
	script->places = places_below(r, s);
	script->name = strdup(config_setting_name(s));
	script->settings = malloc(b.size + 1);
	script->settings_size = b.size;
	if (script->place && script->places && script->name && script->settings)
		memcpy(script->settings, bytes, b.size);
	else
		conf_error_memory(r);
}

void conf_scripts_read(struct conf_reader *r, struct conf_script **list, int *n, const config_setting_t *s)
{
	int count = config_setting_is_group(s) ? config_setting_length(s) : -1;

	if (count < 0 || count > SCRIPTS_MAX) {
		conf_error(r, s, "must be a block with a block for each of at most %d scripts, { frontdoor = { ... }; }", SCRIPTS_MAX);
		return;
	}
	*list = calloc((size_t)count + 1, sizeof **list);
	if (!*list) {
		conf_error_memory(r);
		return;
	}
	*n = count;
	for (int i = 0; i < count; i++)
		read_script(r, &(*list)[i], config_setting_get_elem((config_setting_t *)s, (unsigned)i));
}

void conf_scripts_free(struct conf_script *list, int n)
{
	for (int i = 0; i < n; i++) {
		free(list[i].place);
		conf_strings_free(list[i].places);
		free(list[i].name);
		free(list[i].settings);
	}
	free(list);
}

static char **copy_strings(char *const *strings)
{
	size_t n = 0;

	while (strings[n])
		n++;
	char **copy = calloc(n + 1, sizeof *copy);
	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = strdup(strings[i]);
		if (!copy[i]) {
			conf_strings_free(copy);
			return NULL;
		}
	}
	return copy;
}

static bool copy_script(struct conf_script *to, const struct conf_script *from)
{
	to->place = strdup(from->place);
	to->places = copy_strings(from->places);
	to->name = strdup(from->name);
	to->settings = malloc(from->settings_size + 1);
	to->settings_size = from->settings_size;
	if (to->settings)
		memcpy(to->settings, from->settings, from->settings_size);
	return to->place && to->places && to->name && to->settings;
}

struct conf_script *conf_scripts_copy(const struct conf_script *list, int n)
{
	struct conf_script *copy = calloc((size_t)n + 1, sizeof *copy);

	for (int i = 0; copy && i < n; i++) {
		if (!copy_script(&copy[i], &list[i])) {
			conf_scripts_free(copy, n);
			return NULL;
		}
	}
	return copy;
}
