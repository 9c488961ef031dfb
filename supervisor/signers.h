/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who signs for which worker: asks the keeper for a server, hands the worker
 * the channel to it, and replaces a keeper that does not answer.
 */
#ifndef SUPERVISOR_SIGNERS_H
#define SUPERVISOR_SIGNERS_H

#include "supervisor/child.h"

struct signer {
	struct supervisor *s;
	struct child *worker;
	bool waiting;		/* for the keeper's answer */
	bool started;		/* the worker was told to start */
	int fd;			/* the worker's end, until the answer; or -1 */
	uint32_t id;		/* of the question */
	uint32_t pid;		/* of the server; 0: none */
	ev_timer deadline;
};

void signer_init(struct signer *g, struct supervisor *s, struct child *worker);
void signer_clear(struct signer *g);

/* A worker has got all but its signer: gets one if it can be had, and starts. */
void signer_begin(struct signer *g);
/* The worker is gone. */
void signer_end(struct signer *g);
/* The worker's server with that pid does not answer. */
void signer_down(struct signer *g, uint32_t pid);

/* The keeper has (new) keys: all workers that have no server get one. */
void signers_keeper_ready(struct supervisor *s);
void signers_keeper_down(struct supervisor *s);
void signers_on_answer(struct supervisor *s, const struct msg *m);

#endif
