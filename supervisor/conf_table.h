/* SPDX-License-Identifier: BSD-2-Clause */
/* The settings, a row each. Private to the conf_*.c files. */
#ifndef SUPERVISOR_CONF_TABLE_H
#define SUPERVISOR_CONF_TABLE_H

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>

struct conf_reader;

/* Which struct a row's offset is in, and in which block of the file it stands. */
enum conf_scope { CONF_ROOT, CONF_LISTENER, CONF_BACKEND, CONF_CERTIFICATE };

enum conf_type {
	CONF_INT,	/* int */
	CONF_PORT,	/* uint16_t */
	CONF_BOOL,	/* bool */
	CONF_ON_OFF,	/* bool, written "on" or "off" */
	CONF_WORKERS,	/* int, 0 written "auto" */
	CONF_CHOICE,	/* int or enum: the place in words */
	CONF_STRING,	/* char * */
	CONF_STRINGS,	/* char **, NULL-terminated; min and max bound their number */
	CONF_SECONDS,	/* double */
	CONF_REAL,	/* double */
	CONF_DEADLINE,	/* uint32_t, milliseconds, written in seconds */
	CONF_GROUPS,	/* array of another scope's struct; min and max bound their number */
	CONF_SCRIPTS,	/* array of struct conf_script */
	CONF_BLOCK	/* none: a whole block that is known but refused */
};

/* What a reload does with a change. */
enum conf_effect {
	CONF_UNSAID,		/* no row has it */
	CONF_IN_PLACE,		/* workers that run obey it */
	CONF_NEW_WORKERS,	/* new workers; those of before drain */
	CONF_RESTART		/* it is refused: only a restart can */
};

/* A deadline of a listener that the file does not set there. */
#define CONF_INHERITED UINT32_MAX

/*
 * Checks a string and returns what is to be stored, on the heap; NULL after
 * reporting what is wrong with it. s is where it stands.
 */
typedef char *conf_fix(struct conf_reader *r, const config_setting_t *s, const char *text);

struct conf_setting {
	enum conf_scope scope;
	const char *path;		/* in its scope: "log.level" */
	enum conf_type type;
	size_t offset;
	double min, max;
	bool zero;			/* 0 is good, too, though below min */
	double number;			/* the default, in the unit of the field */
	const char *text;		/* the default of the types written as strings; NULL for none; of CONF_STRINGS with a blank between */
	const char *words;		/* of CONF_CHOICE, with a blank between */
	conf_fix *fix;			/* of CONF_STRING and CONF_STRINGS; NULL: any that is not empty */
	bool may_be_empty;		/* the string */
	bool required;
	enum conf_scope of;		/* of CONF_GROUPS */
	size_t count, size;		/* of CONF_GROUPS: offset of the number, size of one; CONF_SCRIPTS: the number */
	enum conf_effect effect;	/* of a change at a reload */
	const char *refused;		/* why it cannot be set */
	const char *example;		/* as in a file, where there is no default */
	bool in_example;		/* written there, not only commented, though not required */
	const char *help;
};

extern const struct conf_setting conf_table[];
extern const size_t conf_table_n;

/* The row of that path, or NULL. */
const struct conf_setting *conf_table_find(enum conf_scope scope, const char *path);
/* True if rows stand below it: "log". */
bool conf_table_is_block(enum conf_scope scope, const char *path);

conf_fix conf_fix_name, conf_fix_path, conf_fix_socket, conf_fix_log_to, conf_fix_ip,
	 conf_fix_server, conf_fix_host, conf_fix_alpn, conf_fix_admin, conf_fix_priority,
	 conf_fix_source, conf_fix_path_or_none, conf_fix_https, conf_fix_acme_name, conf_fix_contact;

#endif
