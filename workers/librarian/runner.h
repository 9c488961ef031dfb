/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs uacme. The librarian's filter of system calls kills whoever executes a
 * program, and what is executed inherits filters; so this is a process of its
 * own, forked before there is a filter. It reads nothing but the librarian's
 * requests, and starts uacme with the same few arguments each time. It writes
 * the files of http-01 challenges, too: a reload may change where they go, and
 * the librarian is under Landlock. It ends with the librarian, and uacme with it.
 */
#ifndef LIBRARIAN_RUNNER_H
#define LIBRARIAN_RUNNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/channel.h"

#define RUNNER_ORDERS_MAX 4	/* that run at the same time */
#define RUNNER_HOOK_FD 3	/* in uacme and its hook: the socket to the librarian */
#define RUNNER_PROGRAM_FD 4	/* the hook's program */

/* All is lent. */
struct runner_request {
	uint32_t id;		/* of the order; comes back with its result */
	uint32_t timeout_ms;
	bool new_account;	/* first make it, or look whether it is there */
	const char *directory, *contact;	/* the CA's URL; an e-mail address or "" */
	const char *confdir, *csr;	/* of uacme; in dir */
	int dir;		/* its working directory */
	int hook;		/* becomes RUNNER_HOOK_FD */
	int output;		/* becomes its standard output and error */
	int program;		/* becomes RUNNER_PROGRAM_FD */
};

enum runner_how {
	RUNNER_EXITED, RUNNER_SIGNALLED, RUNNER_TIMED_OUT, RUNNER_NOT_STARTED,
	RUNNER_CHALLENGE	/* nothing has ended: the file was asked for */
};
struct runner_result {
	uint32_t id;
	enum runner_how how;
	uint32_t code;		/* exit status, signal, or errno (of a challenge: or 0) */
	bool account;		/* it was the account that failed */
};

/* Forks it; ch gets the channel to it, *pid who it is; sandbox: uacme is confined. 0 or a negative errno. */
int runner_start(struct channel *ch, pid_t *pid, bool sandbox);
/* Ends it, with what it runs, and waits for its end. */
void runner_stop(struct channel *ch, pid_t pid);
/* 0 or a negative errno. */
int runner_ask(struct channel *ch, const struct runner_request *q);
/*
 * Has it put the file of a challenge of order id below webroot (challenge.h);
 * it goes when the next one comes, or when what runs for the order has ended.
 * 0 or a negative errno; what came of it is a result.
 */
int runner_challenge(struct channel *ch, uint32_t id, const char *webroot, const char *token, const char *authorization);
/* The next result: 0; -EAGAIN: none now; -EPIPE: the process is gone. */
int runner_result(struct channel *ch, struct runner_result *r);

#endif
