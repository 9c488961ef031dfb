/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of one process that the supervisor starts: its state, its channel,
 * its ledger, its deaths. What the process is for stands in the role's
 * constant table of functions.
 */
#ifndef SUPERVISOR_CHILD_H
#define SUPERVISOR_CHILD_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/channel.h"
#include "common/ledger.h"
#include "common/msg.h"

/* X(enum, name) */
#define CHILD_STATES(X) \
	X(CHILD_DOWN, "down")		/* not running, not to be started */ \
	X(CHILD_BACKOFF, "backoff")	/* died; waits before the next start */ \
	X(CHILD_STARTING, "starting")	/* runs; has not said that it is ready */ \
	X(CHILD_READY, "ready") \
	X(CHILD_DRAINING, "draining")	/* takes no new work; ends by itself */ \
	X(CHILD_STOPPING, "stopping")	/* was sent SIGTERM or SIGKILL */

enum child_state {
#define X(id, name) id,
	CHILD_STATES(X)
#undef X
	CHILD_STATE_COUNT
};
const char *child_state_name(enum child_state s);

struct child {
	enum role role;
	uint32_t index;			/* worker number from 1; 0 for the others */
	uint32_t generation;		/* counts the starts of this place */
	enum child_state state;
	uint64_t state_since_ns;	/* monotonic */
	pid_t pid;			/* 0: none */
	uint64_t started_ns;
	struct channel channel;
	struct ledger ledger;		/* head is NULL before the first start; stays mapped after a death */
	unsigned deaths;		/* since the supervisor's start, those not asked for */
	char last_death[96];		/* "killed by signal 9 (Killed)" */
	uint32_t backoff_ms;		/* the wait that is on, in CHILD_BACKOFF */
	char missing[512];		/* protections that do not hold, as it said, or "" */
};

#endif
