/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The limits that refuse: connections from one address, and connections
 * before the end of their handshake, both in all workers together. Who is
 * refused costs three system calls: it is reset at once, which leaves nothing
 * behind in this kernel either, and is counted, but has no record.
 */
#ifndef WORKER_LIMITS_H
#define WORKER_LIMITS_H

#include "workers/worker/worker.h"

/* Counts one more; false: it is refused and was counted for that reason alone. */
bool limits_enter(struct worker *w, int fd, const struct sockaddr *peer);
/* What was let in is before the end of its handshake no more. */
void limits_handshake_over(struct worker *w);
/* It is gone; its handshake is over. */
void limits_leave(struct worker *w, const struct sockaddr *peer);
/* Once a second: tells the log of those that it has not been told of. */
void limits_second(struct worker *w);

#endif
