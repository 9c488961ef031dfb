/* SPDX-License-Identifier: BSD-2-Clause */
/* The methods that change something: drain, replace, close, log-level. */
#include "supervisor/operator.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "supervisor/control.h"
#include "supervisor/methods.h"
#include "supervisor/view.h"
#include "supervisor/workers.h"

#define CLOSE_MS 2000
#define REPLACE_MS 30000	/* a successor that is not ready within 10 s has died before */
#define WORKER_OF_ID 40		/* bits of a connection's id below the worker's number */

const struct param drain_params[] = {
	{ "worker", PARAM_INTEGER, false, 1, WORKERS_MAX, "number of the worker" },
	{ "all", PARAM_BOOLEAN, false, 0, 0, "true: all workers; new connections wait until one is started with replace" },
	{ 0 }
};

const struct param replace_params[] = {
	{ "worker", PARAM_INTEGER, true, 1, WORKERS_MAX, "number of the worker" },
	{ 0 }
};

const struct param close_params[] = {
	{ "id", PARAM_INTEGER, true, 1, INT64_MAX, "of the connection" },
	{ 0 }
};

const struct param log_level_params[] = {
	{ "level", PARAM_STRING, true, 0, 0, "debug, info, notice, warning or error" },
	{ 0 }
};

/* The worker that the parameter names; NULL: call has the error. */
static struct child *worker_param(struct call *call)
{
	json_int_t n = json_integer_value(json_object_get(call->params, "worker"));
	struct child *w = n <= call->s->workers_n ? &call->s->workers[n - 1] : NULL;

	if (!w || worker_is_vacant(call->s, w)) {
		call_fail(call, RPC_NOT_FOUND, "there is no worker %d; `workers` lists those that there are", (int)n);
		return NULL;
	}
	return w;
}

static int serving(const struct supervisor *s)
{
	int n = 0;

	for (int i = 0; i < s->workers_n; i++)
		n += worker_serves(&s->workers[i]);
	return n;
}

static json_t *drained(const struct supervisor *s, json_t *list)
{
	return json_pack("{s:o, s:I}", "draining", list, "drain_ms", (json_int_t)s->conf->deadlines.ms[DEADLINE_DRAIN]);
}

static json_t *drain_all(struct call *call)
{
	json_t *list = json_array();

	for (int i = 0; i < call->s->workers_n; i++) {
		struct child *w = &call->s->workers[i];
		if (!worker_serves(w))
			continue;
		json_array_append_new(list, json_integer(w->index));
		child_drain(w);
	}
	return drained(call->s, list);
}

json_t *method_drain(struct call *call)
{
	bool all = json_is_true(json_object_get(call->params, "all"));
	bool one = json_object_get(call->params, "worker") != NULL;

	if (all == one)
		return call_fail(call, RPC_INVALID_PARAMS, "give either \"worker\" or \"all\": true");
	if (all)
		return drain_all(call);
	struct child *w = worker_param(call);
	if (!w)
		return NULL;
	if (!worker_serves(w))
		return call_fail(call, RPC_FAILED, "worker %u takes no connections: it is %s", w->index, child_state_name(w->state));
	if (serving(call->s) == 1)
		return call_fail(call, RPC_FAILED, "worker %u is the last that takes connections: replace it, or drain all", w->index);
	child_drain(w);
	return drained(call->s, json_pack("[I]", (json_int_t)w->index));
}

static void on_replaced(struct supervisor *s, const struct succession_result *r)
{
	uint32_t ticket = (uint32_t)r->data;

	if (r->error)
		control_fail(s->control, ticket, RPC_FAILED, "%s", r->error);
	else
		control_answer(s->control, ticket, json_pack("{s:I, s:I}", "worker", (json_int_t)r->old->index,
			"successor", (json_int_t)r->successor->index));
}

static const char *why_not(int error)
{
	return error == EALREADY ? "a successor of it is on the way already" :
		error == ESHUTDOWN ? "tlsward is stopping" : "too many workers are draining; try again when some have ended";
}

json_t *method_replace(struct call *call)
{
	struct child *w = worker_param(call);

	if (!w)
		return NULL;
	uint32_t ticket = control_later(call, REPLACE_MS);
	if (ticket != 0 && !succession_begin(call->s, w, on_replaced, ticket))
		control_fail(call->caller->control, ticket, RPC_FAILED, "worker %u is not replaced: %s", w->index, why_not(errno));
	return NULL;
}

json_t *method_close(struct call *call)
{
	uint64_t id = (uint64_t)json_integer_value(json_object_get(call->params, "id"));
	uint64_t n = id >> WORKER_OF_ID;
	struct child *w = n >= 1 && n <= (uint64_t)call->s->workers_n ? &call->s->workers[n - 1] : NULL;
	struct msg m = { .type = MSG_CLOSE, .close = { .conn = id } };

	if (!w || !worker_is_served(w))
		return call_fail(call, RPC_NOT_FOUND, "there is no connection %llu", (unsigned long long)id);
	m.id = control_later(call, CLOSE_MS);
	if (m.id == 0)
		return NULL;
	control_expect(call->caller->control, m.id, w);
	if (child_send(w, &m, NULL, 0) < 0)
		control_fail(call->caller->control, m.id, RPC_FAILED, "worker %u cannot be told", w->index);
	return NULL;
}

void operator_on_close_ans(struct supervisor *s, const struct child *worker, const struct msg *m)
{
	const struct msg_close_ans *a = &m->close_ans;

	if (!control_expects(s->control, m->id, worker))
		return;
	if (a->found)
		control_answer(s->control, m->id, json_pack("{s:o, s:I, s:b}", "id", view_u64(a->conn),
			"worker", (json_int_t)worker->index, "closed", 1));
	else
		control_fail(s->control, m->id, RPC_NOT_FOUND, "there is no connection %llu", (unsigned long long)a->conn);
}

json_t *method_log_level(struct call *call)
{
	const char *name = json_string_value(json_object_get(call->params, "level"));
	int level = log_level_by_name(name), was = supervisor_log_level(call->s);

	if (level < 0)
		return call_fail(call, RPC_INVALID_PARAMS, "level: \"%.40s\" is none; it is one of debug, info, notice, warning, error", name);
	supervisor_set_log_level(call->s, level);
	return json_pack("{s:s, s:s}", "level", log_level_name((enum log_level)level), "was", log_level_name((enum log_level)was));
}
