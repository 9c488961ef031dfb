/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads a configuration: follows what libconfig parsed, block by block, looks
 * each key up in the table, and reports what is unknown, wrong or missing.
 */
#include "supervisor/conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/conf_reader.h"

#define CONF_PATH 128	/* bytes for the path of every row */

/* read_group() relies on it. */
_Static_assert(offsetof(struct conf_listener, where) == 0 && offsetof(struct conf_backend, where) == 0 &&
	       offsetof(struct conf_certificate, where) == 0, "each member of a list begins with where it stands");
_Static_assert(sizeof(enum conf_log_format) == sizeof(int) && sizeof(enum conf_truncation) == sizeof(int) &&
	       sizeof(enum conf_tls_minimum) == sizeof(int), "choices are stored as int");

static void read_block(struct conf_reader *r, enum conf_scope scope, void *base, const config_setting_t *block, const char *prefix);

static int set_defaults(enum conf_scope scope, void *base)
{
	int err = 0;

	for (size_t i = 0; i < conf_table_n; i++)
		if (conf_table[i].scope == scope && conf_value_default(&conf_table[i], base) < 0)
			err = -ENOMEM;
	return err;
}

static void clear(enum conf_scope scope, void *base)
{
	for (size_t i = 0; i < conf_table_n; i++) {
		const struct conf_setting *row = &conf_table[i];
		if (row->scope != scope)
			continue;
		conf_value_clear(row, base);
		if (row->type != CONF_GROUPS)
			continue;
		char *elements = *(char **)((char *)base + row->offset);
		int n = *(int *)((char *)base + row->count);
		for (int j = 0; j < n; j++)
			clear(row->of, elements + (size_t)j * row->size);
		free(elements);
	}
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	clear(CONF_ROOT, c);
	conf_strings_free(c->files);
	free(c->lines);
	free(c->path);
	free(c);
}

static void check_required(struct conf_reader *r, enum conf_scope scope, const config_setting_t *block)
{
	for (size_t i = 0; i < conf_table_n; i++) {
		const struct conf_setting *row = &conf_table[i];
		if (row->scope != scope || !row->required || config_setting_get_member((config_setting_t *)block, row->path))
			continue;
		if (scope == CONF_ROOT)
			conf_error_at(r, (struct conf_where){ .file = r->path }, "%s is missing: at least one is needed, %s = ( { ... } );",
				row->path, row->path);
		else
			conf_error(r, block, "lacks %s, for example %s = %s;", row->path, row->path, row->example);
	}
}

static void read_group(struct conf_reader *r, const struct conf_setting *row, char *base, const config_setting_t *s)
{
	if (!config_setting_is_group(s)) {
		conf_error(r, s, "must be a block { ... }, but is %s", conf_found(s));
		return;
	}
	if (set_defaults(row->of, base) < 0)
		conf_error_memory(r);
	*(struct conf_where *)base = conf_where(r, s);
	read_block(r, row->of, base, s, "");
	check_required(r, row->of, s);
}

/* A member that is no block stays empty in its place: an index means the same here and in the file. */
static void read_groups(struct conf_reader *r, const struct conf_setting *row, char *base, const config_setting_t *s)
{
	int n = config_setting_is_list(s) ? config_setting_length(s) : -1;
	char *elements;

	if (n < 0 && !(config_setting_is_array(s) && config_setting_length(s) == 0)) {
		conf_error(r, s, "must be a list of blocks, ( { ... }, { ... } ), but is %s", conf_found(s));
		return;
	}
	if (n < row->min || n > row->max) {
		conf_error(r, s, "must have from %.10g to %.10g members, but has %d", row->min, row->max, n > 0 ? n : 0);
		return;
	}
	elements = calloc((size_t)n, row->size);
	if (!elements) {
		conf_error_memory(r);
		return;
	}
	*(char **)(base + row->offset) = elements;
	*(int *)(base + row->count) = n;
	for (int i = 0; i < n; i++)
		read_group(r, row, elements + (size_t)i * row->size, config_setting_get_elem(s, (unsigned)i));
}

/* The name of the row at this level: "level" of "log.level" below "log", "log" at the top. */
static bool name_below(const struct conf_setting *row, const char *prefix, char name[CONF_PATH])
{
	size_t n = strlen(prefix);

	if (strncmp(row->path, prefix, n) != 0 || (n > 0 && row->path[n] != '.'))
		return false;
	const char *rest = row->path + n + (n > 0);
	snprintf(name, CONF_PATH, "%.*s", (int)strcspn(rest, "."), rest);
	return true;
}

static void report_unknown(struct conf_reader *r, enum conf_scope scope, const char *prefix, const config_setting_t *s)
{
	struct conf_guess guess = conf_guess(config_setting_name(s));
	char name[CONF_PATH], last[CONF_PATH] = "", guessed[CONF_LABEL], all[1024] = "";
	size_t n = 0;

	for (size_t i = 0; i < conf_table_n; i++) {
		const struct conf_setting *row = &conf_table[i];
		if (row->scope != scope || !name_below(row, prefix, name) || strcmp(name, last) == 0)
			continue;
		strcpy(last, name);	/* rows of a block stand together, and each brings its name */
		conf_guess_try(&guess, name);
		if (n < sizeof all)
			n += (size_t)snprintf(all + n, sizeof all - n, "%s%s", n ? ", " : "", name);
	}
	if (guess.best[0])
		conf_error(r, s, "is not a setting%s", conf_guess_text(&guess, guessed));
	else
		conf_error(r, s, "is not a setting; known here are %s", all);
}

static void read_member(struct conf_reader *r, enum conf_scope scope, void *base, const config_setting_t *s, const char *prefix)
{
	char path[CONF_PATH];
	int n = snprintf(path, sizeof path, "%s%s%s", prefix, prefix[0] ? "." : "", config_setting_name(s));
	const struct conf_setting *row = (size_t)n < sizeof path ? conf_table_find(scope, path) : NULL;

	if (row && scope == CONF_ROOT)
		r->conf->lines[row - conf_table] = conf_where(r, s);
	if (row && row->type == CONF_GROUPS)
		read_groups(r, row, base, s);
	else if (row)
		conf_value_read(r, row, base, s);
	else if ((size_t)n >= sizeof path || !conf_table_is_block(scope, path))
		report_unknown(r, scope, prefix, s);
	else if (!config_setting_is_group(s))
		conf_error(r, s, "must be a block { ... }, but is %s", conf_found(s));
	else
		read_block(r, scope, base, s, path);
}

static void read_block(struct conf_reader *r, enum conf_scope scope, void *base, const config_setting_t *block, const char *prefix)
{
	for (int i = 0; i < config_setting_length(block); i++)
		read_member(r, scope, base, config_setting_get_elem(block, (unsigned)i), prefix);
}

static void inherit_deadlines(struct conf *c)
{
	for (int i = 0; i < c->listeners_n; i++)
		for (int d = 0; d < DEADLINE_COUNT; d++)
			if (c->listeners[i].deadlines.ms[d] == CONF_INHERITED)
				c->listeners[i].deadlines.ms[d] = c->deadlines.ms[d];
}

static void read_settings(struct conf_reader *r)
{
	const config_setting_t *root = config_root_setting(&r->file);

	conf_numbers_check(r);
	if (set_defaults(CONF_ROOT, r->conf) < 0)
		conf_error_memory(r);
	read_block(r, CONF_ROOT, r->conf, root, "");
	check_required(r, CONF_ROOT, root);
	inherit_deadlines(r->conf);
	conf_check(r);
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static char *absolute(const char *path)
{
	char *folder, *text = NULL;

	if (path[0] == '/')
		return strdup(path);
	folder = getcwd(NULL, 0);
	if (folder && asprintf(&text, "%s/%s", folder, path) < 0)
		text = NULL;
	free(folder);
	return text;
}

/* libconfig's own word for what cannot be read is "file I/O error". */
static int check_file(struct conf_reader *r)
{
	struct conf_where at = { .file = r->path };
	FILE *f = NULL;
	struct stat st;

	if (stat(r->path, &st) == 0 && !S_ISREG(st.st_mode))
		conf_error_at(r, at, "is not a regular file");
	else if (!(f = fopen(r->path, "re")))
		conf_error_at(r, at, "cannot be read: %s", strerror(errno));
	if (f)
		fclose(f);
	return r->errors ? -EINVAL : 0;
}

static void report_syntax(struct conf_reader *r)
{
	const char *source = config_error_file(&r->file), *text = config_error_text(&r->file);
	struct conf_where at = { .file = r->path, .line = (unsigned)config_error_line(&r->file) };
	bool included = source && strcmp(source, r->path) != 0;
	char *name = NULL;

	if (included && source[0] != '/' && asprintf(&name, "%s/%s", r->folder, source) >= 0)
		at.file = name;
	else if (included)
		at.file = source;
	if (text && strstr(text, "include"))
		conf_error_at(r, at, "%s; its name is taken from the folder %s", text, r->folder);
	else
		conf_error_at(r, at, "%s", text ? text : "cannot be read");
	free(name);
}

static int prepare(struct conf_reader *r)
{
	r->conf = calloc(1, sizeof *r->conf);
	r->folder = folder_of(r->path);
	if (r->conf) {
		r->conf->path = absolute(r->path);
		r->conf->lines = calloc(conf_table_n, sizeof *r->conf->lines);
	}
	if (r->conf && r->conf->path && r->conf->lines)
		r->base = folder_of(r->conf->path);
	if (r->folder && r->base)
		return 0;
	conf_error_memory(r);
	return -ENOMEM;
}

struct conf *conf_read(const char *path, conf_report *report, void *data)
{
	struct conf_reader r = { .path = path, .report = report, .data = data };

	config_init(&r.file);
	if (prepare(&r) == 0 && check_file(&r) == 0) {
		config_set_include_dir(&r.file, r.folder);
		if (config_read_file(&r.file, path) == CONFIG_TRUE)
			read_settings(&r);
		else
			report_syntax(&r);
	}
	if (r.errors) {
		conf_free(r.conf);
		r.conf = NULL;
	}
	config_destroy(&r.file);
	free(r.folder);
	free(r.base);
	free(r.mangled);
	return r.conf;
}
