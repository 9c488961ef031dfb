/* SPDX-License-Identifier: BSD-2-Clause */
/* What the conf_*.c files share while one configuration is being read. */
#ifndef SUPERVISOR_CONF_READER_H
#define SUPERVISOR_CONF_READER_H

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>

#include "supervisor/conf.h"
#include "supervisor/conf_table.h"

#define CONF_LABEL 192	/* bytes for every label made here */

/* A number in a file and what libconfig makes of it. */
struct conf_mangled { const char *file; double as_read; };

struct conf_reader {
	struct conf *conf;
	config_t file;
	const char *path;		/* as the caller wrote it; in messages */
	char *folder;			/* of it, as written there; for the files it includes */
	char *base;			/* the same, absolute; for relative paths */
	conf_report *report;
	void *data;
	unsigned errors;
	struct conf_mangled *mangled;	/* numbers that have been reported as too large */
	size_t mangled_n;
};

/* conf_error.c: everything that a person reads. */

/* Reports "FILE:LINE: " and the text. */
void conf_error_at(struct conf_reader *r, struct conf_where at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with where s stands and its name before the text; s is not the root. */
void conf_error(struct conf_reader *r, const config_setting_t *s, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void conf_error_memory(struct conf_reader *r);
/* "listeners[0].port" */
const char *conf_label(const config_setting_t *s, char text[CONF_LABEL]);
/* Where s stands; the file's name is kept in r->conf->files. */
struct conf_where conf_where(struct conf_reader *r, const config_setting_t *s);
/* "a string" for what was found in the file. */
const char *conf_found(const config_setting_t *s);

/* The candidate that word was probably meant to be. */
struct conf_guess { const char *word; char best[CONF_LABEL / 2]; size_t distance; };
struct conf_guess conf_guess(const char *word);
void conf_guess_try(struct conf_guess *g, const char *candidate);
/* `; did you mean "best"?` or "" if nothing was near. */
const char *conf_guess_text(const struct conf_guess *g, char text[CONF_LABEL]);

/* conf_value.c: one setting and its field. */
int conf_value_default(const struct conf_setting *row, void *base);
void conf_value_read(struct conf_reader *r, const struct conf_setting *row, void *base, const config_setting_t *s);
void conf_value_clear(const struct conf_setting *row, void *base);
void conf_strings_free(char **strings);

/* conf_scripts.c: settings of policy scripts; the owner of the field frees them with conf_scripts_free(). */
void conf_scripts_read(struct conf_reader *r, struct conf_script **list, int *n, const config_setting_t *s);

/* conf_numbers.c: reports integers that libconfig would cut to 32 bits in silence. */
void conf_numbers_check(struct conf_reader *r);

/* conf_check.c: what no setting shows alone. */
void conf_check(struct conf_reader *r);

#endif
