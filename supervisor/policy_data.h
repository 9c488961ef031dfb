/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy whole: the texts of its scripts, its host sets, its limits. What
 * workers and advisor are sent; the supervisor itself looks into none of it.
 */
#ifndef SUPERVISOR_POLICY_DATA_H
#define SUPERVISOR_POLICY_DATA_H

#include <stdint.h>

#include "common/buf.h"
#include "supervisor/child.h"
#include "supervisor/conf.h"

#define POLICY_SCRIPTS_MAX 64
#define POLICY_SETS_MAX 64

struct policy_script {
	char *path, *name;		/* name: "frontdoor" of .../10-frontdoor.lua */
	int file;			/* as opened; -1 once it has been handed on */
	int text;			/* a sealed memfd; -1 before */
	const struct conf_script *settings;	/* of the data's own list, or NULL */
};

struct policy_set {
	char *name, *path;		/* as scripts write it; absolute */
	int fd;				/* a sealed memfd; -1 before */
	uint32_t names;
	bool changed;			/* its file is to be read again */
	int watch;			/* of the folder; -1: none */
	/* Of a file that is a symbolic link: its target's folder (-1: none), and the target's name there. */
	int target_watch; char *target;
};

struct policy_data {
	char *folder;			/* NULL: there is no policy but the configuration */
	uint32_t generation, budget_us, memory;
	struct conf_script *settings; int settings_n;
	struct policy_script scripts[POLICY_SCRIPTS_MAX]; int scripts_n;
	struct policy_set sets[POLICY_SETS_MAX]; int sets_n;
	int inotify;			/* -1: none */
};

/* What the configuration says, without scripts yet; copies. NULL: out of memory. */
struct policy_data *policy_data_new(const struct conf *conf);
void policy_data_free(struct policy_data *d);

/* Takes file. -ENOSPC or -ENOMEM: it was closed. */
int policy_data_add_script(struct policy_data *d, const char *path, int file);
/* A set that a script asks for; once is enough. 0 or negative errno. */
int policy_data_add_set(struct policy_data *d, const char *name);
/* A block of settings for which there is no script, from *at on; NULL: no more. */
const struct conf_script *policy_data_unused(const struct policy_data *d, int *at);

/* The last component of its path, by which processes know it. */
const char *policy_script_file(const struct policy_script *script);
/*
 * What an advisor says of a script, which it knows by that component and
 * begins with it, as a sentence that begins with the path.
 */
void policy_script_error(const struct policy_script *script, const char *path, const char *what, char *text, size_t size);
struct msg_script policy_script_message(const struct policy_script *script);

/*
 * The next complaint of MSG_SCRIPT_ANS's field `wrong`, being read: a sentence
 * with the file and line of the setting in the configuration. False: no more.
 */
bool policy_script_wrong(const struct policy_script *script, struct buf *wrong, char *text, size_t size);

/* Sends all of it. */
void policy_data_send(const struct policy_data *d, struct child *c);
void policy_data_send_set(const struct policy_set *set, struct child *c);

#endif
