/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside incidents: the list of them in memory. incidents.c opens them and has
 * their reports written, incidents_ask.c answers operators.
 */
#ifndef SUPERVISOR_INCIDENT_LIST_H
#define SUPERVISOR_INCIDENT_LIST_H

#include <ev.h>

#include "supervisor/reports.h"
#include "supervisor/witness.h"

#define INCIDENTS_OPEN_MAX 12	/* at once */
#define INCIDENT_IDS 256	/* that stay where they are */
#define INCIDENT_ID_BYTES 40
#define INCIDENT_WITNESS_MS 5000	/* then the witness is killed: its file system hangs, too */
#define INCIDENT_COLLECT_MS 2500	/* of these, for the evidence */

enum report_state { INCIDENT_OPEN, INCIDENT_WRITTEN, INCIDENT_KEPT };

struct incident {
	struct incidents *all;
	const char *id;			/* in all->ids */
	enum report_state state;
	json_t *summary;		/* for lists */
	json_t *report;			/* until it is written, or what could not be; else NULL */
	json_t *steps;
	bool unsaved, saving;		/* steps */
	bool retried;
	char without[256];		/* what is not even tried, and why */
	char failed[160];		/* why the report is not as it should be */
	uint32_t ticket;		/* of an operator who waits for it */

	struct child *child;
	uint32_t generation;
	enum verdict_kind kind;
	void (*done)(struct supervisor *s, struct child *c);
	ev_timer deadline;
};

struct incidents {
	struct supervisor *s;
	struct witnesses *witnesses;
	void (*on_deadline)(struct ev_loop *loop, ev_timer *t, int revents);	/* of one's time for done() */
	struct incident *list[REPORTS_KEPT + INCIDENTS_OPEN_MAX];	/* oldest first */
	size_t n;
	char ids[INCIDENT_IDS][INCIDENT_ID_BYTES];
	unsigned ids_n;
	bool stopped;
	uint64_t asked_ns;		/* when an operator last asked for evidence */
	bool describing;		/* descriptors are being listed for one */
	ev_timer save, begin;
};

/* NULL if there is none. */
struct incident *incident_find(const struct incidents *i, const char *id);
/* Not in the list yet; id is copied. NULL: no memory. */
struct incident *incident_new(struct incidents *i, const char *id);
/* Takes that one out of the list and frees it. */
void incident_drop(struct incidents *i, size_t at);
/* The time, so that names sort by age, and a number, so that no two are alike. */
void incident_make_id(const struct incidents *i, char id[INCIDENT_ID_BYTES]);
/* Those that a witness works on. */
size_t incidents_open_n(const struct incidents *i);
/* Drops what is beyond the bounds. */
void incidents_bound(struct incidents *i);
const char *report_state_name(enum report_state s);
/* For a list. New reference. */
json_t *incident_summary(const struct incident *one);
/* "" is null. */
void incident_set_text(json_t *o, const char *key, const char *text);

/* Opens one for an operator, who has the ticket; false: too many are open. */
bool incident_open_for(struct incidents *i, struct child *c, uint32_t ticket);

#endif
