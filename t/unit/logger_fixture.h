/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests of the program tlsward-logger: plays its supervisor and the processes that log, with log.h. */
#ifndef T_UNIT_LOGGER_FIXTURE_H
#define T_UNIT_LOGGER_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/channel.h"
#include "common/ledger.h"
#include "common/msg.h"

#define PATIENCE_MS 20000	/* a busy machine is slow */

struct play {
	pid_t pid;		/* 0: no logger runs */
	int pipe[2];		/* the log's; -1: closed */
	struct channel channel;
	struct ledger ledger;
	char file[64];		/* the path of a log, removed afterwards */
};

/* A case whose state is a struct play, with no logger yet. */
#define CASE(name) cmocka_unit_test_setup_teardown(name, logger_setup, logger_teardown)
int logger_setup(void **state);
int logger_teardown(void **state);

void pause_ms(int ms);

/* Without a sink; and with one, when it is ready. set_sink() and start() take fd (-1: none). */
void start_logger(struct play *p);
void start(struct play *p, enum log_sink to, bool json, int fd);
void set_sink(struct play *p, enum log_sink to, bool json, int fd);
/* p->file, which need not exist, for a sink. */
int open_file(const struct play *p);
/* The logger's next message, which must be of that type; points into memory that the next call reuses. */
void receive(struct play *p, enum msg_type type, struct msg *m);

/* The exit status, 128 and the signal, or -1 if it has not ended within the time. */
int wait_for_end(struct play *p, int ms);
void close_pipe(struct play *p, int end);
/* As its supervisor and all who log go: its exit status, or -1. */
int stop(struct play *p);

/* What p->file has; once it has that, too. Good until the next call of either. */
const char *file_text(const struct play *p);
const char *wait_for_text(const struct play *p, const char *what);
/* How many lines the logger says it lost; and until it is that many. */
uint64_t lost_by_ledger(const struct play *p);
void wait_for_lost(const struct play *p, uint64_t n);

/* In a mount namespace of this process alone; false if that may not be. */
bool mount_empty(const char *path, const char *options);

#endif
