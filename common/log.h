/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log lines of every program: logfmt (key=value, quoted where needed), at most
 * LOG_LINE_MAX bytes, written with one write to a non-blocking pipe that the
 * logger reads. A full pipe drops the line and counts it; nothing ever waits.
 * Values may come from the network: all but printable ASCII is escaped. Only
 * what is a number by its function is written as a bare number; a string of
 * digits is quoted.
 * The logger turns logfmt into whatever the operator asked for.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LINE_MAX 4096	/* PIPE_BUF: writes up to it are atomic (pipe(7)) */

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_NOTICE, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* "info"; -1 for a name that is none. */
const char *log_level_name(enum log_level level);
int log_level_by_name(const char *name);

/*
 * Where this process's lines go and how they are marked, e.g. "worker.2".
 * The one process-wide state outside main: a line may have to be written from
 * anywhere, and a log that had to be passed there would be in every signature.
 */
void log_init(int fd, const char *who, enum log_level level);
/*
 * tap is told each line of level warning or error that is written, with its
 * text from "msg=" on; it must not log at such a level. NULL: nobody is.
 */
void log_set_tap(void (*tap)(void *data, enum log_level level, const char *text), void *data);
void log_set_level(enum log_level level);
bool log_wants(enum log_level level);
/* Lines lost so far because the pipe was full. */
uint64_t log_dropped(void);

/* One line being built. */
struct log_line {
	enum log_level level;
	bool wanted;
	bool untapped;		/* the tap is not told */
	size_t size;
	char text[LOG_LINE_MAX];
};

/* Starts with ts, level, who, pid and msg. What does not fit is cut. */
void log_begin(struct log_line *l, enum log_level level, const char *msg);
/* The same, whatever level is in force. */
void log_begin_always(struct log_line *l, enum log_level level, const char *msg);
/* For text of unknown origin: ts, level error and who "?"; is always wanted. */
void log_begin_foreign(struct log_line *l);
void log_str(struct log_line *l, const char *key, const char *value);
void log_bytes(struct log_line *l, const char *key, const void *value, size_t size);
void log_u64(struct log_line *l, const char *key, uint64_t value);
void log_i64(struct log_line *l, const char *key, int64_t value);
/* Milliseconds as seconds with three decimals. */
void log_ms(struct log_line *l, const char *key, uint64_t ms);
void log_end(struct log_line *l);

/* A line whose msg is formatted. */
void log_msg(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...) log_msg(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_msg(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_notice(...) log_msg(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_warning(...) log_msg(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...) log_msg(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
