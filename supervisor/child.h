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
#include "supervisor/backoff.h"
#include "supervisor/totals.h"

/* X(enum, name) */
#define CHILD_STATES(X) \
	X(CHILD_DOWN, "down")		/* not running, not to be started */ \
	X(CHILD_BACKOFF, "backoff")	/* died; waits before the next start */ \
	X(CHILD_STARTING, "starting")	/* runs; has not said that it is ready */ \
	X(CHILD_READY, "ready") \
	X(CHILD_DRAINING, "draining")	/* takes no new work; ends by itself */ \
	X(CHILD_STOPPING, "stopping")	/* was sent SIGTERM or SIGKILL, or left alone to end */

enum child_state {
#define X(id, name) id,
	CHILD_STATES(X)
#undef X
	CHILD_STATE_COUNT
};
const char *child_state_name(enum child_state s);

enum child_event {
	CHILD_EV_START,		/* asked to start */
	CHILD_EV_NO_SPAWN,	/* the process could not be made */
	CHILD_EV_READY,		/* it says that it is ready */
	CHILD_EV_TIMEOUT,	/* the state's time is over */
	CHILD_EV_EOF,		/* its end of the channel is closed */
	CHILD_EV_BROKE,		/* it broke the protocol, or does not read */
	CHILD_EV_DRAIN,		/* asked to drain */
	CHILD_EV_LEAVE,		/* not needed any more: ends when its channel is closed */
	CHILD_EV_STOP,		/* asked to stop */
	CHILD_EV_KILL,		/* to be killed at once */
	CHILD_EV_DIED,		/* reaped; wanted again */
	CHILD_EV_ENDED,		/* reaped; not wanted again */
	CHILD_EVENT_COUNT
};

enum child_action {
	CHILD_DO_SPAWN = 1 << 0,
	CHILD_DO_SEND_DRAIN = 1 << 1,
	CHILD_DO_TERM = 1 << 2,		/* SIGTERM */
	CHILD_DO_KILL = 1 << 3,		/* SIGKILL */
	CHILD_DO_CLOSE = 1 << 4,	/* the channel */
	CHILD_DO_TELL_READY = 1 << 5,	/* the role's on_ready */
	CHILD_DO_TELL_DOWN = 1 << 6,	/* the role's on_down */
};

struct child_step {
	bool known;		/* false: the event means nothing in that state */
	enum child_state next;
	unsigned actions;	/* of enum child_action */
};

/* The table: what follows from an event in a state. Pure. */
struct child_step child_step(enum child_state s, enum child_event e);

struct supervisor;
struct child;

/* What a role is for. Every function may be NULL; s is the supervisor. */
struct child_ops {
	enum role role;
	bool restart;			/* is started again when it dies */
	uint32_t ready_ms;		/* time from start, or its last progress, to ready */
	uint32_t leave_ms;		/* time to end by itself after child_leave() */
	/*
	 * It is sent descriptors by the hundred: few may be on their way at once,
	 * because the kernel counts them for the user, against RLIMIT_NOFILE.
	 */
	bool many_fds;
	/* Descriptor that it gets as number 4; lent. */
	int (*extra_fd)(struct supervisor *s, struct child *c);
	int (*cpu)(struct supervisor *s, struct child *c);
	/* Its introduction was answered: send what it needs. */
	void (*on_introduced)(struct supervisor *s, struct child *c);
	void (*on_ready)(struct supervisor *s, struct child *c);
	/* Any other message, and ready when it is said again; descriptors that are not taken are closed afterwards. */
	void (*on_message)(struct supervisor *s, struct child *c, const struct msg *m, struct packet *p);
	/* Packets that waited for it have been taken. */
	void (*on_flushed)(struct supervisor *s, struct child *c);
	/* The process is gone, or could not be made; its channel is closed. */
	void (*on_down)(struct supervisor *s, struct child *c);
};

struct child {
	enum role role;
	uint32_t index;			/* worker number from 1; 0 for the others */
	uint32_t seat;			/* of a worker: which of the configured ones it is; decides its core */
	uint32_t generation;		/* counts the starts of this place */
	enum child_state state;
	uint64_t state_since_ns;	/* monotonic */
	pid_t pid;			/* 0: none */
	uint64_t started_ns;
	struct channel channel;
	struct ledger ledger;		/* head is NULL before the first start; stays mapped after a death */
	struct totals before;		/* what processes counted that had this place */
	unsigned deaths;		/* since the supervisor's start, those not asked for */
	char last_death[96];		/* "killed by signal 9 (Killed)" */
	uint32_t backoff_ms;		/* the wait that is on, in CHILD_BACKOFF */
	char missing[512];		/* protections that do not hold, as it said, or "" */
	uint64_t messages;		/* that came from the process */
	char killed_why[128];		/* why we killed it, or "" */

	/* For child.c alone. */
	struct supervisor *super;
	const struct child_ops *ops;
	bool wanted;			/* start it again when it dies */
	bool introduced, paused;
	int status;			/* of its last death, as wait(2) gives it */
	uint64_t proc_start;		/* start time of the process, /proc/PID/stat field 22 */
	struct backoff backoff;
	ev_io reading, writing;
	ev_timer timer;
	ev_child reaper;
};

void child_init(struct child *c, struct supervisor *s, const struct child_ops *ops, uint32_t index);
/* Frees what is left of it; the process is not touched. */
void child_clear(struct child *c);

void child_start(struct child *c);
/* Asks a worker to end when its connections have; it is not started again. */
void child_drain(struct child *c);
/* Closes its channel and waits for it to end; it is not started again. */
void child_leave(struct child *c);
/* SIGTERM, after a second SIGKILL; it is not started again. */
void child_stop(struct child *c);
/* SIGKILL; the reason is logged; it is started again. */
void child_replace(struct child *c, const char *why);

bool child_runs(const struct child *c);	/* it can be sent messages */

/*
 * Sends a message; descriptors are lent. A child that does not take its
 * messages is killed. Returns 0 or a negative errno, of which nothing more
 * needs to be done.
 */
int child_send(struct child *c, const struct msg *m, const int *fds, int nfds);
/* It is at work: the time to get ready starts anew. */
void child_progress(struct child *c);
/* Stops or resumes reading what it sends. */
void child_pause(struct child *c, bool paused);

#endif
