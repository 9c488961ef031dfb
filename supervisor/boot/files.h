/* SPDX-License-Identifier: BSD-2-Clause */
/* The files of one round of certificates and keys: who asked for which, and sentences about them. */
#ifndef SUPERVISOR_BOOT_FILES_H
#define SUPERVISOR_BOOT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/conf.h"

/* The first four are what an entry can ask for; the others are the store, and files of folders. */
enum file_kind { FILE_CHAIN, FILE_KEY, FILE_MIXED, FILE_DIRECTORY, FILE_FOLDER_FILE, FILE_STORE, FILE_STORE_FILE };

/* A file, or a question to the opener. */
struct file {
	enum file_kind kind;
	int entry;		/* of the configuration's certificates; not of the store */
	char *path;		/* owned */
	uint32_t number;	/* that stands for what it holds; 0: none yet, or a question */
	uint64_t stamp;		/* as the opener told it */
	int64_t until;		/* when there will be something new to be said of it, Unix seconds */
	bool unchanged;		/* known, and opened for its key alone */
	bool warned;		/* it is looked at again in the next round, which warns again */
};

/* All zero: none yet. An id is never used twice, so that answers of a round that was broken off mean nothing. */
struct files {
	struct file *list;
	size_t n, cap;
	uint32_t first_id;
};

/* Returns its id, or -1 without memory. */
int64_t files_add(struct files *f, enum file_kind kind, int entry, const char *path);
/* NULL: it is none of this round. */
struct file *files_find(const struct files *f, uint32_t id);
/* Forgets all of them. */
void files_clear(struct files *f);

/* Under which files that an entry of the configuration, or the store, asks for are known (supervisor/known.h). */
uint32_t file_group(enum file_kind kind, int entry);
#define FILE_GROUP_STORE UINT32_MAX

/* "FILE:LINE: PATH: WHAT"; a role may have named the path already. */
void file_sentence(const struct conf *conf, const struct file *file, const char *what, char *text, size_t size);

#endif
