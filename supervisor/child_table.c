/* SPDX-License-Identifier: BSD-2-Clause */
/* What follows from which event in which state of a process; nothing else. */
#include "supervisor/child.h"

const char *child_state_name(enum child_state s)
{
	static const char *const names[] = {
#define X(id, name) [id] = name,
		CHILD_STATES(X)
#undef X
	};

	return s < CHILD_STATE_COUNT ? names[s] : "unknown";
}

#define TO(state, actions) { true, state, actions }
#define KILLED TO(CHILD_STOPPING, CHILD_DO_KILL)
#define BROKEN TO(CHILD_STOPPING, CHILD_DO_KILL | CHILD_DO_CLOSE)
#define DIES TO(CHILD_STOPPING, CHILD_DO_CLOSE)	/* its end is near, or forced when time is over */
#define DIED TO(CHILD_BACKOFF, CHILD_DO_TELL_DOWN)
#define ENDED TO(CHILD_DOWN, CHILD_DO_TELL_DOWN)

static const struct child_step table[CHILD_STATE_COUNT][CHILD_EVENT_COUNT] = {
	[CHILD_DOWN] = {
		[CHILD_EV_START] = TO(CHILD_STARTING, CHILD_DO_SPAWN),
	},
	[CHILD_BACKOFF] = {
		[CHILD_EV_START] = TO(CHILD_STARTING, CHILD_DO_SPAWN),
		[CHILD_EV_TIMEOUT] = TO(CHILD_STARTING, CHILD_DO_SPAWN),
		[CHILD_EV_DRAIN] = TO(CHILD_DOWN, 0),
		[CHILD_EV_LEAVE] = TO(CHILD_DOWN, 0),
		[CHILD_EV_STOP] = TO(CHILD_DOWN, 0),
	},
	[CHILD_STARTING] = {
		[CHILD_EV_NO_SPAWN] = DIED,	/* or ENDED, if it is not wanted again */
		[CHILD_EV_READY] = TO(CHILD_READY, CHILD_DO_TELL_READY),
		[CHILD_EV_TIMEOUT] = KILLED,
		[CHILD_EV_EOF] = DIES,
		[CHILD_EV_BROKE] = BROKEN,
		[CHILD_EV_DRAIN] = TO(CHILD_STOPPING, CHILD_DO_TERM),
		[CHILD_EV_LEAVE] = DIES,
		[CHILD_EV_STOP] = TO(CHILD_STOPPING, CHILD_DO_TERM),
		[CHILD_EV_KILL] = KILLED,
		[CHILD_EV_DIED] = DIED,
		[CHILD_EV_ENDED] = ENDED,
	},
	[CHILD_READY] = {
		[CHILD_EV_EOF] = DIES,
		[CHILD_EV_BROKE] = BROKEN,
		[CHILD_EV_DRAIN] = TO(CHILD_DRAINING, CHILD_DO_SEND_DRAIN),
		[CHILD_EV_LEAVE] = DIES,
		[CHILD_EV_STOP] = TO(CHILD_STOPPING, CHILD_DO_TERM),
		[CHILD_EV_KILL] = KILLED,
		[CHILD_EV_DIED] = DIED,
		[CHILD_EV_ENDED] = ENDED,
	},
	[CHILD_DRAINING] = {
		[CHILD_EV_TIMEOUT] = TO(CHILD_STOPPING, CHILD_DO_TERM),
		[CHILD_EV_EOF] = DIES,
		[CHILD_EV_BROKE] = BROKEN,
		[CHILD_EV_STOP] = TO(CHILD_STOPPING, CHILD_DO_TERM),
		[CHILD_EV_KILL] = KILLED,
		[CHILD_EV_DIED] = DIED,
		[CHILD_EV_ENDED] = ENDED,
	},
	[CHILD_STOPPING] = {
		[CHILD_EV_TIMEOUT] = KILLED,
		[CHILD_EV_EOF] = DIES,
		[CHILD_EV_BROKE] = BROKEN,
		[CHILD_EV_STOP] = TO(CHILD_STOPPING, CHILD_DO_TERM),
		[CHILD_EV_KILL] = KILLED,
		[CHILD_EV_DIED] = DIED,
		[CHILD_EV_ENDED] = ENDED,
	},
};

struct child_step child_step(enum child_state s, enum child_event e)
{
	return table[s][e];
}
