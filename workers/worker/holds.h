/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections that are held before TLS begins, because what they need may come
 * within the time that the policy gives: each costs a record, a descriptor and
 * its ClientHello. Who is held is said by deciding.c; here is for how
 * long, how many, and when they are decided upon anew.
 */
#ifndef WORKER_HOLDS_H
#define WORKER_HOLDS_H

#include <stddef.h>
#include <stdint.h>

#include "workers/worker/worker.h"

struct conn;

/* One that is held: in the worker's list, oldest first. */
struct held {
	struct held *next, *prev;
	struct conn *conn;
	uint64_t until_ns;		/* monotonic */
	uint64_t round;			/* of looking anew: the last that it was in */
	size_t size;
	uint8_t data[];			/* what the client has sent so far */
};

enum hold_result { HOLD_OK, HOLD_NO_TIME, HOLD_FULL, HOLD_NAME_FULL, HOLD_NO_MEMORY };

/*
 * Holds c with what it has sent for at most wait_ms, and so that two seconds
 * of its handshake deadline are left. One that is held already stays so until
 * its first time is over. Anything but HOLD_OK: it is not held.
 */
enum hold_result holds_begin(struct conn *c, const uint8_t *data, size_t size, uint32_t wait_ms);
/* It is held no more, if it was. */
void holds_end(struct conn *c);
/* The catalog or the policy is another: all are decided upon anew, few in each turn. */
void holds_look(struct worker *w);

/* For the worker's start and end. */
void holds_init(struct worker *w);
void holds_clear(struct worker *w);

#endif
