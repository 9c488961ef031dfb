/* SPDX-License-Identifier: BSD-2-Clause */
/* What operators ask of incidents; witnesses find it out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/control.h"
#include "supervisor/incident_list.h"
#include "supervisor/methods.h"
#include "supervisor/supervisor.h"
#include "supervisor/view.h"

#define ASK_EVERY_NS 1000000000ull	/* what costs a sick process something */

/* What an operator waits for from a witness. */
struct question {
	struct incidents *i;
	uint32_t ticket;
	bool descriptors;
	char id[INCIDENT_ID_BYTES];
};

json_t *incidents_list(const struct incidents *i)
{
	json_t *list = json_array();

	for (size_t k = i ? i->n : 0; k > 0; k--)
		json_array_append_new(list, incident_summary(i->list[k - 1]));
	return list;
}

static void on_question(void *data, const struct witness_result *r)
{
	struct question *q = data;
	struct control *control = q->i->s->control;
	json_t *v = r->answered && !*r->error ? witness_get_json(r->fd) : NULL;

	if (q->descriptors)
		q->i->describing = false;
	if (v)
		control_answer(control, q->ticket, v);
	else
		control_fail(control, q->ticket, RPC_FAILED, "%s", *r->error ? r->error : "the witness gave no answer");
	free(q);
}

/* NULL: call has the error. */
static struct question *new_question(struct incidents *i, struct call *call)
{
	struct question *q = calloc(1, sizeof *q);

	if (q) {
		q->i = i;
		q->ticket = control_later(call, INCIDENT_WITNESS_MS + 1000);
		if (q->ticket != 0)
			return q;
	}
	free(q);
	return NULL;
}

static void order_answer(struct question *q, struct witness_order *o)
{
	struct control *control = q->i->s->control;
	uint32_t ticket = q->ticket;

	o->deadline_ms = INCIDENT_WITNESS_MS;
	o->done = on_question;
	o->data = q;
	if (witnesses_order(q->i->witnesses, o) == 0)
		return;
	if (q->descriptors)
		q->i->describing = false;
	free(q);
	control_fail(control, ticket, RPC_FAILED, "too much is asked of witnesses now; try again");
}

json_t *incidents_show(struct incidents *i, struct call *call, const char *id)
{
	struct incident *one = !i || i->n == 0 ? NULL : strcmp(id, "last") == 0 ? i->list[i->n - 1] : incident_find(i, id);

	if (!one)
		return call_fail(call, RPC_NOT_FOUND, "there is no incident %.60s; the method incidents lists them", id);
	if (one->report) {
		json_t *o = json_copy(one->report);
		view_set(o, "steps", json_incref(one->steps));
		view_set(o, "state", json_string(report_state_name(one->state)));
		incident_set_text(o, "why", one->failed);
		return o;
	}
	if (one->state != INCIDENT_WRITTEN)
		return call_fail(call, RPC_FAILED, "the report could not be written, and newer ones took its place in memory: %s", one->failed);
	struct question *q = new_question(i, call);
	if (!q)
		return NULL;
	snprintf(q->id, sizeof q->id, "%s", one->id);
	struct witness_order o = { .req = { .task = WITNESS_READ, .id = q->id, .missing = "" } };
	witness_order_fd(&o, i->s->state.reports_fd);
	order_answer(q, &o);
	return NULL;
}

/* False: call has the error. */
static bool may_ask(struct incidents *i, struct call *call, const struct child *c)
{
	if (!i || i->stopped || c->pid <= 0 || !c->ledger.head)
		call_fail(call, RPC_FAILED, "there is no process to look at: it is %s", child_state_name(c->state));
	else if (i->describing || (i->asked_ns && call->now_ns - i->asked_ns < ASK_EVERY_NS))
		call_fail(call, RPC_FAILED, "a process is looked at already, or was a moment ago; once a second is enough");
	else
		return true;
	return false;
}

void incidents_ask_report(struct incidents *i, struct call *call, struct child *c)
{
	uint32_t ticket;

	if (!may_ask(i, call, c) || (ticket = control_later(call, 2 * INCIDENT_WITNESS_MS + 1000)) == 0)
		return;
	i->asked_ns = call->now_ns;
	if (!incident_open_for(i, c, ticket))
		control_fail(i->s->control, ticket, RPC_FAILED, "too many incidents are open; try again");
}

void incidents_ask_descriptors(struct incidents *i, struct call *call, struct child *c)
{
	struct witness_order o = { .req = { .task = WITNESS_DESCRIPTORS, .id = "", .parts = WITNESS_FDS, .deadline_ms = INCIDENT_COLLECT_MS, .missing = "" } };
	struct question *q;

	if (!may_ask(i, call, c) || !(q = new_question(i, call)))
		return;
	i->asked_ns = call->now_ns;
	i->describing = q->descriptors = true;
	witness_order_suspect(&o, c);
	witness_order_fd(&o, c->ledger.fd);
	order_answer(q, &o);
}
