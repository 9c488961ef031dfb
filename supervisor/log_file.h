/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * On the way to another log: the opener opens the file, the logger writes a
 * line to see whether it can; then the logger goes over to it.
 */
#ifndef SUPERVISOR_LOG_FILE_H
#define SUPERVISOR_LOG_FILE_H

#include "supervisor/conf.h"
#include "supervisor/opener.h"

struct log_file {
	struct supervisor *s;
	/* error "": it can be written. Else what is wrong, without the path. */
	void (*on_tried)(struct log_file *f, const char *error);
	struct opener opener;
	bool busy;
	const char *to;		/* log.to of the configuration that is tried; lent while busy */
	enum conf_log_format format;
	int fd;			/* of a file; or -1 */
	uint32_t probe_id, sink_id;	/* of questions to the logger; 0: none is open */
};

void log_file_init(struct log_file *f, struct supervisor *s, void (*on_tried)(struct log_file *f, const char *error));
void log_file_clear(struct log_file *f);

/* Tries what conf says of the log; conf must live until the end of it. */
void log_file_try(struct log_file *f, const struct conf *conf);
/* The logger goes over to what was tried; s->log_file is its file. */
void log_file_use(struct log_file *f);
/* The logger has gone over. */
bool log_file_is_used(const struct log_file *f);
void log_file_drop(struct log_file *f);

/* From the logger. */
void log_file_on_answer(struct log_file *f, const struct msg *m);
void log_file_on_logger_down(struct log_file *f);

/* What a logger is sent first. */
void log_file_send(struct supervisor *s, struct child *logger);

#endif
