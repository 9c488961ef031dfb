/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A round prepares a policy whole: the opener lists the scripts, the advisor
 * compiles each and runs it once, the librarian makes the host sets that they
 * ask for, the advisor loads it all. Whoever began it takes what comes of it, or
 * drops it.
 */
#ifndef SUPERVISOR_POLICY_ROUND_H
#define SUPERVISOR_POLICY_ROUND_H

#include "supervisor/opener.h"
#include "supervisor/policy.h"
#include "supervisor/policy_set.h"

enum round_stage { ROUND_NONE, ROUND_WAITING, ROUND_LISTING, ROUND_SCRIPTS, ROUND_SETS, ROUND_LOADING };

struct policy_round {
	struct supervisor *s;
	const struct policy_ops_super *ops;
	struct policy_data *next;	/* NULL: nothing is prepared */
	enum round_stage stage;
	struct opener opener;
	struct set_maker maker;
	ev_timer deadline;		/* of the advisor */
	uint32_t first_id;		/* script i is asked about under this and i */
	int answered, making;
	unsigned errors;
	uint64_t begun_ns;
};

/* Lends ops. */
void policy_round_init(struct policy_round *r, struct supervisor *s, const struct policy_ops_super *ops);
void policy_round_clear(struct policy_round *r);

/*
 * Takes data, and prepares it as soon as the advisor is there; if it has no
 * folder of scripts, the round is over before this returns. Not while there is
 * another: policy_round_drop().
 */
void policy_round_begin(struct policy_round *r, struct policy_data *data);
/* Goes no further, without a word. */
void policy_round_abort(struct policy_round *r);
/* Gives what was prepared; NULL: nothing. */
struct policy_data *policy_round_take(struct policy_round *r);
/* Aborts, and drops what there is. True if the advisor may have it loaded. */
bool policy_round_drop(struct policy_round *r);

/* From the roles. */
void policy_round_on_advisor(struct policy_round *r);
void policy_round_on_advisor_down(struct policy_round *r);
void policy_round_on_script(struct policy_round *r, const struct msg *m, struct packet *p);
void policy_round_on_loaded(struct policy_round *r, const struct msg_policy_ans *a);

#endif
