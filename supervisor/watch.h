/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks at every process once in an interval, asks the detectors, and has the
 * sick ones replaced (replacing.c), unless a policy says otherwise (judge.c).
 * A process that is being replaced takes steps, of which each is logged.
 */
#ifndef SUPERVISOR_WATCH_H
#define SUPERVISOR_WATCH_H

#include <ev.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "plugins/detect/detect.h"
#include "supervisor/backoff.h"
#include "supervisor/sample.h"

struct child;
struct supervisor;

/* X(enum, name, what it means) */
#define WATCH_STEPS(X) \
	X(STEP_NONE, "none", "nothing is done") \
	X(STEP_ASKED, "asked", "the policy is asked what to do") \
	X(STEP_KEPT, "kept", "the policy wants to keep it") \
	X(STEP_WAITING, "waiting", "it is to be replaced, and waits for its turn") \
	X(STEP_EVIDENCE, "evidence", "it is killed as soon as the evidence is there") \
	X(STEP_SUCCESSOR, "successor", "its successor starts") \
	X(STEP_DRAINING, "draining", "it takes nothing new; its connections come to their end") \
	X(STEP_ENDING, "ending", "it was told to end at once, and is killed if it does not")

enum watch_step {
#define X(id, name, text) id,
	WATCH_STEPS(X)
#undef X
	STEP_COUNT
};
const char *watch_step_name(enum watch_step step);

/* One place of a process, as it is watched. */
struct watched {
	struct supervisor *s;
	struct child *child;
	struct samples samples;
	struct verdict verdict;		/* in force, of the process of that generation; else VERDICT_NONE */
	uint32_t generation;
	uint64_t found_ns;		/* when it was found */
	enum watch_step step;
	uint64_t next_try_ns;		/* of STEP_WAITING and STEP_KEPT */
	bool evidence;			/* it is not needed alive for the report any more */
	char incident[64];		/* id of the report, or "" */
	uint32_t question;		/* that the policy was asked; 0: none */
	ev_timer deadline;		/* of the answer */
	uint64_t verdicts[VERDICT_COUNT];	/* since the start */
	uint64_t replaced;
};

struct watch;

/* NULL: out of memory. */
struct watch *watch_new(struct supervisor *s);
void watch_free(struct watch *w);
/* tlsward stops: nobody is replaced any more. */
void watch_stop(struct watch *w);

/* Of a process that the supervisor starts, or NULL. s, and s->watch, may be NULL. */
struct watched *watch_of(const struct supervisor *s, const struct child *c);
/* Calls each for all places that have been used. */
void watch_each(const struct supervisor *s, void (*each)(struct watched *p, void *data), void *data);

/* A process has ended; asked: somebody wanted it to. Its ledger is still there. */
void watch_on_end(struct supervisor *s, struct child *c, bool asked);

/* For the parts. */
struct detect_limits watch_limits(const struct supervisor *s);
struct backoff *watch_seat(struct supervisor *s, const struct child *worker);
/* One line about a step, with the verdict; delay_ms: until what follows, or 0. A step is told to the report, too. */
void watch_say(struct watched *p, int level, const char *text, uint64_t delay_ms);
void watch_event(const struct watched *p, const char *name);
/* It is well again, or gone. */
void watch_forget(struct watched *p);

#endif
