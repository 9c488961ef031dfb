/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Follows the files of host sets: a file that was written, replaced or removed
 * is read again a tenth of a second after the last event, and what was made of
 * it goes to workers and advisor. A file that is no good changes nothing. One
 * that is a symbolic link is followed to where it leads.
 */
#ifndef SUPERVISOR_POLICY_FOLLOW_H
#define SUPERVISOR_POLICY_FOLLOW_H

#include "supervisor/policy_data.h"
#include "supervisor/policy_set.h"

struct policy_follow {
	struct supervisor *s;
	struct policy_data *data;	/* whose sets are followed; lent; or NULL */
	int making;			/* the set that is being made */
	struct set_maker maker;
	ev_io events;
	ev_timer settle;
	uint64_t since_ns;		/* of the first event that waits; 0: none */
	/* Told instead of workers and advisor, if it is set. */
	void (*on_set)(void *owner, const struct policy_set *set);
	void *owner;
};

void policy_follow_init(struct policy_follow *f, struct supervisor *s);
void policy_follow_clear(struct policy_follow *f);
/* From now on that one; NULL: none. */
void policy_follow_begin(struct policy_follow *f, struct policy_data *data);

/*
 * Watches the folder of a set, or of the target of its link, as set_maker
 * tells it; before the file is read, so that nothing is missed.
 */
void policy_follow_watch(struct policy_data *data, int set, const char *path, int folder);

#endif
