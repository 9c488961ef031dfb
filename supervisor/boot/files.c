/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/boot/files.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t files_add(struct files *f, enum file_kind kind, int entry, const char *path)
{
	if (f->n == f->cap) {
		size_t cap = f->cap ? 2 * f->cap : 64;
		struct file *list = reallocarray(f->list, cap, sizeof *list);
		if (!list)
			return -1;
		f->list = list;
		f->cap = cap;
	}
	char *copy = strdup(path);
	if (!copy)
		return -1;
	f->list[f->n] = (struct file){ .kind = kind, .entry = entry, .path = copy, .until = INT64_MAX };
	return (uint32_t)(f->first_id + f->n++);
}

struct file *files_find(const struct files *f, uint32_t id)
{
	uint32_t i = id - f->first_id;

	return i < f->n ? &f->list[i] : NULL;
}

void files_clear(struct files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->list[i].path);
	free(f->list);
	*f = (struct files){ .first_id = f->first_id + (uint32_t)f->n };
}

uint32_t file_group(enum file_kind kind, int entry)
{
	if (kind == FILE_STORE || kind == FILE_STORE_FILE)
		return FILE_GROUP_STORE;
	return 1 + 4 * (uint32_t)entry + (uint32_t)(kind == FILE_FOLDER_FILE ? FILE_DIRECTORY : kind);
}

void file_sentence(const struct conf *conf, const struct file *file, const char *what, char *text, size_t size)
{
	bool named = strstr(what, file->path) != NULL;
	const char *path = named ? "" : file->path, *gap = named ? "" : ": ";

	if (file->kind == FILE_STORE || file->kind == FILE_STORE_FILE) {
		snprintf(text, size, "chains.store: %s%s%s", path, gap, what);
		return;
	}
	const struct conf_where *w = &conf->certificates[file->entry].where;
	snprintf(text, size, "%s:%u: %s%s%s", w->file, w->line, path, gap, what);
}
