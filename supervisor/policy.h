/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy's way from its files to workers and advisor. A round
 * (policy_round.h) prepares a policy whole. Then it is committed or discarded.
 * The files of the host sets of the policy in force are followed.
 */
#ifndef SUPERVISOR_POLICY_H
#define SUPERVISOR_POLICY_H

#include "supervisor/policy_data.h"

struct policy_flow;

struct policy_ops_super {
	/* Something is wrong: a sentence that names file and line. */
	void (*on_error)(struct supervisor *s, const char *text);
	/* Something needs attention, and does not hinder. */
	void (*on_warning)(struct supervisor *s, const char *text);
	/* A round is over: commit what it prepared (if errors is 0) or discard it. */
	void (*on_prepared)(struct supervisor *s, unsigned errors);
};

struct policy_flow *policy_flow_new(struct supervisor *s, const struct policy_ops_super *ops);
void policy_flow_free(struct policy_flow *f);
/* No more rounds, no more following. */
void policy_flow_stop(struct policy_flow *f);

/*
 * Begins a round with what conf says, which needs to live for this call alone,
 * as soon as the advisor is there. A round that runs is given up without a
 * word. Without a folder of scripts the round is over at once, before this
 * returns. 0 or a negative errno.
 */
int policy_flow_prepare(struct policy_flow *f, const struct conf *conf);
/* Puts what was prepared in force: the advisor has it, its files are followed; workers are sent it by whoever commits. */
void policy_flow_commit(struct policy_flow *f);
/* Drops it; the advisor goes back to the one in force. */
void policy_flow_discard(struct policy_flow *f);

/* To a worker: the policy in force. If there is none: nothing, or (even_none) that there is none. */
void policy_flow_send(const struct policy_flow *f, struct child *worker, bool even_none);
/* What is in force; NULL before the first commit. */
const struct policy_data *policy_flow_current(const struct policy_flow *f);

/* From the roles. */
void policy_flow_on_advisor(struct policy_flow *f);
void policy_flow_on_advisor_down(struct policy_flow *f);
void policy_flow_on_message(struct policy_flow *f, const struct msg *m, struct packet *p);
void policy_flow_on_librarian_down(struct policy_flow *f);

#endif
