/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/policy_data.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

struct policy_data *policy_data_new(const struct conf *conf)
{
	struct policy_data *d = calloc(1, sizeof *d);

	if (!d)
		return NULL;
	d->inotify = -1;
	d->budget_us = (uint32_t)conf->policy.budget_ms * 1000;
	d->memory = (uint32_t)conf->policy.memory;
	if (!conf->policy.scripts)
		return d;
	d->folder = strdup(conf->policy.scripts);
	d->settings = conf_scripts_copy(conf->policy.settings, conf->policy.settings_n);
	d->settings_n = d->settings ? conf->policy.settings_n : 0;
	if (d->folder && d->settings)
		return d;
	policy_data_free(d);
	return NULL;
}

void policy_data_free(struct policy_data *d)
{
	if (!d)
		return;
	for (int i = 0; i < d->scripts_n; i++) {
		free(d->scripts[i].path);
		free(d->scripts[i].name);
		close_fd(d->scripts[i].file);
		close_fd(d->scripts[i].text);
	}
	for (int i = 0; i < d->sets_n; i++) {
		free(d->sets[i].name);
		free(d->sets[i].path);
		free(d->sets[i].target);
		close_fd(d->sets[i].fd);
	}
	conf_scripts_free(d->settings, d->settings_n);
	free(d->folder);
	close_fd(d->inotify);
	free(d);
}

static const char *base_name(const char *path)
{
	return strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
}

const char *policy_script_file(const struct policy_script *script) { return base_name(script->path); }

/* "frontdoor" of "/etc/tlsward/policy.d/10-frontdoor.lua". */
static char *script_name(const char *path)
{
	const char *file = base_name(path), *name = file + strspn(file, "0123456789");
	size_t n = strlen(name), end = n > 4 && strcmp(name + n - 4, ".lua") == 0 ? n - 4 : n;

	if (name > file && (*name == '-' || *name == '_') && end > 1) {
		name++;
		end--;
	}
	return strndup(name, end);
}

static const struct conf_script *settings_of(const struct policy_data *d, const char *name)
{
	for (int i = 0; i < d->settings_n; i++)
		if (strcmp(d->settings[i].name, name) == 0)
			return &d->settings[i];
	return NULL;
}

int policy_data_add_script(struct policy_data *d, const char *path, int file)
{
	if (d->scripts_n == POLICY_SCRIPTS_MAX) {
		close(file);
		return -ENOSPC;
	}
	struct policy_script *s = &d->scripts[d->scripts_n];
	*s = (struct policy_script){ .path = strdup(path), .name = script_name(path), .file = file, .text = -1 };
	if (!s->path || !s->name) {
		free(s->path);
		free(s->name);
		close(file);
		return -ENOMEM;
	}
	s->settings = settings_of(d, s->name);
	d->scripts_n++;
	return 0;
}

int policy_data_add_set(struct policy_data *d, const char *name)
{
	char *path = NULL;

	for (int i = 0; i < d->sets_n; i++)
		if (strcmp(d->sets[i].name, name) == 0)
			return 0;
	if (d->sets_n == POLICY_SETS_MAX)
		return -ENOSPC;
	if (asprintf(&path, "%s%s%s", *name == '/' ? "" : d->folder, *name == '/' ? "" : "/", name) < 0)
		return -ENOMEM;
	if (strlen(path) > MSG_PATH_MAX - 1) {
		free(path);
		return -ENAMETOOLONG;
	}
	struct policy_set *set = &d->sets[d->sets_n];
	*set = (struct policy_set){ .name = strdup(name), .path = path, .fd = -1, .watch = -1, .target_watch = -1 };
	if (!set->name) {
		free(path);
		return -ENOMEM;
	}
	d->sets_n++;
	return 0;
}

const struct conf_script *policy_data_unused(const struct policy_data *d, int *at)
{
	while (*at < d->settings_n) {
		const struct conf_script *settings = &d->settings[(*at)++];
		int i = 0;
		while (i < d->scripts_n && d->scripts[i].settings != settings)
			i++;
		if (i == d->scripts_n)
			return settings;
	}
	return NULL;
}

void policy_script_error(const struct policy_script *script, const char *path, const char *what, char *text, size_t size)
{
	const char *file = policy_script_file(script);
	bool named = strncmp(what, file, strlen(file)) == 0 && what[strlen(file)] == ':';

	snprintf(text, size, "%s%s%s", path, named ? "" : ": ", named ? what + strlen(file) : what);
}

struct msg_script policy_script_message(const struct policy_script *script)
{
	struct msg_script m = { .name = script->name, .path = script->path };

	if (script->settings)
		m.settings = (struct bytes){ script->settings->settings, script->settings->settings_size };
	return m;
}

bool policy_script_wrong(const struct policy_script *script, struct buf *wrong, char *text, size_t size)
{
	unsigned index = buf_get_u16(wrong), i = 0, n = buf_get_u16(wrong);
	const uint8_t *what = buf_get_bytes(wrong, n);

	if (wrong->failed)
		return false;
	while (script->settings && i < index && script->settings->places[i])
		i++;
	const char *place = script->settings ? script->settings->places[i] : NULL;
	snprintf(text, size, "%s %.*s", place ? place : script->path, (int)n, (const char *)what);
	return true;
}

void policy_data_send_set(const struct policy_set *set, struct child *c)
{
	struct msg m = { .type = MSG_SET, .set = { .name = set->name } };

	child_send(c, &m, &set->fd, 1);
}

void policy_data_send(const struct policy_data *d, struct child *c)
{
	struct msg m = { .type = MSG_POLICY, .policy = { .generation = d->generation, .scripts_n = (uint16_t)d->scripts_n,
		.sets_n = (uint16_t)d->sets_n, .budget_us = d->budget_us, .memory = d->memory } };

	child_send(c, &m, NULL, 0);
	for (int i = 0; i < d->sets_n; i++)
		policy_data_send_set(&d->sets[i], c);
	for (int i = 0; i < d->scripts_n; i++) {
		struct msg script = { .type = MSG_SCRIPT, .script = policy_script_message(&d->scripts[i]) };
		child_send(c, &script, &d->scripts[i].text, 1);
	}
}
