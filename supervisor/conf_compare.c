/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/conf_compare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct compare {
	const struct conf *old, *new;
	struct conf_changes *changes;
};

const char *conf_effect_name(enum conf_effect e)
{
	static const char *const names[] = {
		[CONF_UNSAID] = "unsaid", [CONF_IN_PLACE] = "in place", [CONF_NEW_WORKERS] = "new workers", [CONF_RESTART] = "restart",
	};

	return names[e];
}

/* --- values as text --- */

static const void *field(const struct conf_setting *row, const void *base)
{
	return (const char *)base + row->offset;
}

static char *word_text(const char *words, int place)
{
	for (; place > 0; place--)
		words = strchr(words, ' ') + 1;
	return strndup(words, strcspn(words, " "));
}

static char *strings_text(char *const *strings)
{
	char *text = strdup(""), *longer;

	for (; text && strings && *strings; strings++) {
		if (asprintf(&longer, "%s%s%s", text, *text ? ", " : "", *strings) < 0)
			longer = NULL;
		free(text);
		text = longer;
	}
	return text;
}

static char *number_text(double v)
{
	char text[32];

	snprintf(text, sizeof text, "%.10g", v);
	return strdup(text);
}

/* NULL: out of memory, or a string that is not set. */
static char *value_text(const struct conf_setting *row, const void *base)
{
	const void *at = field(row, base);

	switch (row->type) {
	case CONF_INT: return number_text(*(const int *)at);
	case CONF_PORT: return number_text(*(const uint16_t *)at);
	case CONF_BOOL: return strdup(*(const bool *)at ? "true" : "false");
	case CONF_ON_OFF: return strdup(*(const bool *)at ? "on" : "off");
	case CONF_WORKERS: return *(const int *)at ? number_text(*(const int *)at) : strdup("auto");
	case CONF_CHOICE: return word_text(row->words, *(const int *)at);
	case CONF_STRING: return *(char *const *)at ? strdup(*(char *const *)at) : NULL;
	case CONF_STRINGS: return strings_text(*(char **const *)at);
	case CONF_SECONDS:
	case CONF_REAL: return number_text(*(const double *)at);
	case CONF_DEADLINE: return number_text(*(const uint32_t *)at / 1000.);
	case CONF_GROUPS:
	case CONF_SCRIPTS:
	case CONF_BLOCK: break;		/* not compared as one value */
	}
	return NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* --- the list --- */

/* Takes old and new. */
static void add(struct compare *c, const char *path, char *old, char *new, enum conf_effect effect, struct conf_where where)
{
	struct conf_changes *all = c->changes;
	struct conf_change *list = reallocarray(all->list, (size_t)all->n + 1, sizeof *list);

	if (!list) {
		all->failed = true;
		free(old);
		free(new);
		return;
	}
	all->list = list;
	struct conf_change *change = &list[all->n++];
	*change = (struct conf_change){ .old = old, .new = new, .where = where,
		.effect = effect == CONF_UNSAID ? CONF_NEW_WORKERS : effect };
	snprintf(change->path, sizeof change->path, "%s", path);
}

/* A listener's deadline that follows the one for all is no change of its own. */
static bool is_inherited(const struct compare *c, const struct conf_setting *row, const void *old, const void *new)
{
	if (row->scope != CONF_LISTENER || row->type != CONF_DEADLINE)
		return false;
	size_t i = (row->offset - offsetof(struct conf_listener, deadlines.ms)) / sizeof(uint32_t);
	return *(const uint32_t *)field(row, old) == c->old->deadlines.ms[i] &&
		*(const uint32_t *)field(row, new) == c->new->deadlines.ms[i];
}

static void compare_value(struct compare *c, const struct conf_setting *row, const char *prefix,
	const void *old, const void *new, struct conf_where where)
{
	char *a = value_text(row, old), *b = value_text(row, new);
	char path[sizeof ((struct conf_change *)0)->path];

	if (same_text(a, b) || is_inherited(c, row, old, new)) {
		free(a);
		free(b);
		return;
	}
	snprintf(path, sizeof path, "%s%s", prefix, row->path);
	add(c, path, a, b, row->effect, where);
}

static struct conf_where line_of(const struct compare *c, const struct conf_setting *row)
{
	struct conf_where where = c->new->lines[row - conf_table];

	/* Gone from the file, and so back to its default. */
	return where.file ? where : (struct conf_where){ .file = c->new->path };
}

/* --- scripts' settings --- */

static const struct conf_script *find_script(const struct conf *conf, const char *name)
{
	for (int i = 0; i < conf->policy.settings_n; i++)
		if (strcmp(conf->policy.settings[i].name, name) == 0)
			return &conf->policy.settings[i];
	return NULL;
}

static bool same_settings(const struct conf_script *a, const struct conf_script *b)
{
	return a && b && a->settings_size == b->settings_size && memcmp(a->settings, b->settings, a->settings_size) == 0;
}

static void add_script(struct compare *c, const struct conf_setting *row, const char *name, const char *old, const char *new)
{
	char path[sizeof ((struct conf_change *)0)->path];

	snprintf(path, sizeof path, "%s.%.*s", row->path, CONF_NAME_MAX, name);
	add(c, path, old ? strdup(old) : NULL, new ? strdup(new) : NULL, row->effect, line_of(c, row));
}

static void compare_scripts(struct compare *c, const struct conf_setting *row)
{
	const struct conf_script *new;

	for (int i = 0; i < c->new->policy.settings_n; i++) {
		new = &c->new->policy.settings[i];
		const struct conf_script *old = find_script(c->old, new->name);
		if (!same_settings(old, new))
			add_script(c, row, new->name, old ? "settings" : NULL, old ? "other settings" : "settings");
	}
	for (int i = 0; i < c->old->policy.settings_n; i++)
		if (!find_script(c->new, c->old->policy.settings[i].name))
			add_script(c, row, c->old->policy.settings[i].name, "settings", NULL);
}

/* --- groups --- */

static const char *element(const struct conf_setting *row, const struct conf *conf, int i, int *n)
{
	*n = *(const int *)((const char *)conf + row->count);
	return *(char *const *)field(row, conf) + (size_t)i * row->size;
}

static const char *name_in(const struct conf_setting *row, const char *base)
{
	return *(char *const *)field(conf_table_find(row->of, "name"), base);
}

static const char *find_named(const struct conf_setting *row, const struct conf *conf, const char *name)
{
	int n;

	for (int i = 0; element(row, conf, i, &n), i < n; i++)
		if (strcmp(name_in(row, element(row, conf, i, &n)), name) == 0)
			return element(row, conf, i, &n);
	return NULL;
}

static void compare_members(struct compare *c, const struct conf_setting *row, const char *old, const char *new)
{
	char prefix[CONF_NAME_MAX + 32];

	snprintf(prefix, sizeof prefix, "%s.%s.", row->path, name_in(row, new));
	for (size_t i = 0; i < conf_table_n; i++)
		if (conf_table[i].scope == row->of)
			compare_value(c, &conf_table[i], prefix, old, new, *(const struct conf_where *)new);
}

static void compare_named(struct compare *c, const struct conf_setting *row)
{
	char path[CONF_NAME_MAX + 32];
	int n;

	for (int i = 0; element(row, c->new, i, &n), i < n; i++) {
		const char *new = element(row, c->new, i, &n), *old = find_named(row, c->old, name_in(row, new));
		snprintf(path, sizeof path, "%s.%s", row->path, name_in(row, new));
		if (old)
			compare_members(c, row, old, new);
		else
			add(c, path, NULL, strdup("new"), row->effect, *(const struct conf_where *)new);
	}
	for (int i = 0; element(row, c->old, i, &n), i < n; i++) {
		const char *old = element(row, c->old, i, &n);
		snprintf(path, sizeof path, "%s.%s", row->path, name_in(row, old));
		if (!find_named(row, c->new, name_in(row, old)))
			add(c, path, strdup("there"), NULL, row->effect, (struct conf_where){ .file = c->new->path });
	}
}

static bool same_element(const struct conf_setting *row, const char *a, const char *b)
{
	for (size_t i = 0; i < conf_table_n; i++) {
		if (conf_table[i].scope != row->of)
			continue;
		char *x = value_text(&conf_table[i], a), *y = value_text(&conf_table[i], b);
		bool same = same_text(x, y);
		free(x);
		free(y);
		if (!same)
			return false;
	}
	return true;
}

static char *entries(int n)
{
	char *text;

	return asprintf(&text, "%d entr%s", n, n == 1 ? "y" : "ies") < 0 ? NULL : text;
}

static void compare_list(struct compare *c, const struct conf_setting *row)
{
	int old_n, new_n, i = 0;

	element(row, c->old, 0, &old_n);
	element(row, c->new, 0, &new_n);
	while (old_n == new_n && i < new_n && same_element(row, element(row, c->old, i, &old_n), element(row, c->new, i, &new_n)))
		i++;
	if (old_n != new_n || i < new_n)
		add(c, row->path, entries(old_n), entries(new_n), row->effect, line_of(c, row));
}

/* --- */

static void compare_row(struct compare *c, const struct conf_setting *row)
{
	if (row->type == CONF_GROUPS && conf_table_find(row->of, "name"))
		compare_named(c, row);
	else if (row->type == CONF_GROUPS)
		compare_list(c, row);
	else if (row->type == CONF_SCRIPTS)
		compare_scripts(c, row);
	else
		compare_value(c, row, "", c->old, c->new, line_of(c, row));
}

int conf_compare(const struct conf *old, const struct conf *new, struct conf_changes *changes)
{
	struct compare c = { old, new, changes };

	*changes = (struct conf_changes){ .list = NULL };
	for (size_t i = 0; i < conf_table_n; i++)
		if (conf_table[i].scope == CONF_ROOT)
			compare_row(&c, &conf_table[i]);
	return changes->failed ? -ENOMEM : 0;
}

void conf_changes_clear(struct conf_changes *changes)
{
	for (int i = 0; i < changes->n; i++) {
		free(changes->list[i].old);
		free(changes->list[i].new);
	}
	free(changes->list);
	*changes = (struct conf_changes){ .list = NULL };
}

enum conf_effect conf_changes_effect(const struct conf_changes *changes)
{
	enum conf_effect most = CONF_IN_PLACE;

	for (int i = 0; i < changes->n; i++)
		if (changes->list[i].effect > most)
			most = changes->list[i].effect;
	return most;
}

bool conf_changes_has(const struct conf_changes *changes, const char *path)
{
	size_t n = strlen(path);

	for (int i = 0; i < changes->n; i++)
		if (strncmp(changes->list[i].path, path, n) == 0 && (changes->list[i].path[n] == '\0' || changes->list[i].path[n] == '.'))
			return true;
	return false;
}
