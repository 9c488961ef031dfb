/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stops and resumes one process (ptrace(2)) without changing what it does:
 * signals that arrive are passed on, a job-control stop stays one. For
 * sampling only; never blocks beyond the time that it is given.
 */
#ifndef WITNESS_TRACEE_H
#define WITNESS_TRACEE_H

#include <stdbool.h>
#include <sys/types.h>

struct tracee {
	pid_t pid;
	bool stopped;			/* by us, or found so */
	bool group_stop;		/* by SIGSTOP or its like: not ours to resume */
};

/* Blocks SIGCHLD, attaches. 0 or a negative errno. */
int tracee_attach(struct tracee *t, pid_t pid);
/* Stops it. 0, -ETIMEDOUT (it sleeps in the kernel where nothing reaches it), -ESRCH (it ended). */
int tracee_stop(struct tracee *t, int timeout_ms);
/* Lets it go on for that long. 0 or -ESRCH. */
int tracee_run(struct tracee *t, int ms);
/* If it is stopped. The end of this process detaches, too. */
void tracee_detach(struct tracee *t);

#endif
