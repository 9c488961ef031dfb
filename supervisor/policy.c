/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/policy.h"

#include <errno.h>
#include <stdlib.h>

#include "supervisor/policy_follow.h"
#include "supervisor/policy_round.h"
#include "supervisor/supervisor.h"
#include "supervisor/workers.h"

struct policy_flow {
	struct supervisor *s;
	struct policy_data *current;	/* in force; NULL before the first commit */
	struct policy_follow follow;
	struct policy_round round;
	uint32_t generations;
	bool stopped;
};

static struct child *advisor(const struct policy_flow *f) { return &f->s->advisor; }

int policy_flow_prepare(struct policy_flow *f, const struct conf *conf)
{
	policy_round_drop(&f->round);
	struct policy_data *next = f->stopped ? NULL : policy_data_new(conf);
	if (!next)
		return f->stopped ? -ESHUTDOWN : -ENOMEM;
	next->generation = ++f->generations;
	policy_round_begin(&f->round, next);
	return 0;
}

static bool is_empty(const struct policy_data *d)
{
	return !d || !d->folder;
}

static bool can_take(const struct child *c)
{
	return worker_is_served(c) && c->state != CHILD_DRAINING;
}

void policy_flow_commit(struct policy_flow *f)
{
	struct policy_data *old = f->current, *next = policy_round_take(&f->round);
	bool same = is_empty(old) && is_empty(next);

	if (!next)
		return;
	policy_follow_begin(&f->follow, NULL);
	f->current = next;
	policy_data_free(old);
	policy_follow_begin(&f->follow, f->current);
	if (same)
		return;
	/* The advisor has loaded it, but may have been another one since. */
	if (can_take(advisor(f)))
		policy_data_send(f->current, advisor(f));
}

void policy_flow_discard(struct policy_flow *f)
{
	bool loaded = policy_round_drop(&f->round);

	if (loaded && f->current && can_take(advisor(f)))
		policy_data_send(f->current, advisor(f));
}

void policy_flow_send(const struct policy_flow *f, struct child *worker, bool even_none)
{
	if (!is_empty(f->current) || (even_none && f->current))
		policy_data_send(f->current, worker);
}

const struct policy_data *policy_flow_current(const struct policy_flow *f)
{
	return f->current;
}

/* --- from the roles --- */

void policy_flow_on_advisor(struct policy_flow *f)
{
	policy_flow_send(f, advisor(f), false);
	policy_round_on_advisor(&f->round);
}

void policy_flow_on_advisor_down(struct policy_flow *f)
{
	policy_round_on_advisor_down(&f->round);
}

void policy_flow_on_librarian_down(struct policy_flow *f)
{
	set_maker_on_librarian_down(&f->round.maker);
	set_maker_on_librarian_down(&f->follow.maker);
}

static void on_set_ans(struct policy_flow *f, const struct msg *m, struct packet *p)
{
	if (!set_maker_on_answer(&f->round.maker, m, p))
		set_maker_on_answer(&f->follow.maker, m, p);
}

void policy_flow_on_message(struct policy_flow *f, const struct msg *m, struct packet *p)
{
	switch (m->type) {
	case MSG_SCRIPT_ANS: policy_round_on_script(&f->round, m, p); break;
	case MSG_POLICY_ANS: policy_round_on_loaded(&f->round, &m->policy_ans); break;
	case MSG_SET_ANS: on_set_ans(f, m, p); break;
	default: break;
	}
}

struct policy_flow *policy_flow_new(struct supervisor *s, const struct policy_ops_super *ops)
{
	struct policy_flow *f = calloc(1, sizeof *f);

	if (!f)
		return NULL;
	f->s = s;
	policy_round_init(&f->round, s, ops);
	policy_follow_init(&f->follow, s);
	return f;
}

void policy_flow_stop(struct policy_flow *f)
{
	f->stopped = true;
	policy_round_abort(&f->round);
	policy_follow_begin(&f->follow, NULL);
}

void policy_flow_free(struct policy_flow *f)
{
	if (!f)
		return;
	policy_flow_stop(f);
	policy_follow_clear(&f->follow);
	policy_round_clear(&f->round);
	policy_data_free(f->current);
	free(f);
}
