/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes connections from the listeners; stops and resumes, never spins. */
#ifndef WORKER_ACCEPT_H
#define WORKER_ACCEPT_H

#include "workers/worker/worker.h"

/* The settings that a listener can be given in place; its name and index, too. */
void accept_set(struct listener *l, const struct msg_listener *m);
/* Takes fd; adds it to the worker, not watched yet. NULL with errno set. */
struct listener *accept_add(struct worker *w, int fd, const struct msg_listener *m);
void accept_start(struct worker *w);
/* Not watched for now: the table (err is 0) or what the errno names is used up. */
void accept_pause(struct worker *w, int err);
/* Once a second: whether the worker is at its limit no more. */
void accept_second(struct worker *w);

/* Whether this errno says that descriptors or memory have run out. */
bool accept_is_limit(int err);
/* Closes the listeners for good. */
void accept_close(struct worker *w);

#endif
