/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/faults.h"

#include <string.h>

#include "common/faults.h"

/* Which workers crash at every start, a bit each by number; not in struct supervisor, which is of ordinary builds. */
static uint64_t crash_at_start;

const struct param fault_params[] = {
	{ "role", PARAM_STRING, true, 0, 0, "worker, keeper, librarian, advisor or logger" },
	{ "worker", PARAM_INTEGER, false, 1, WORKERS_MAX, "number of the worker" },
	{ "kind", PARAM_STRING, true, 0, 0, "leak, grow, spin, sleep, crash, spin_connection, crash_connection" },
	{ "rate", PARAM_INTEGER, false, 1, 100000, "of leak: descriptors a second; of grow: MiB a second" },
	{ "connection", PARAM_INTEGER, false, 1, INT64_MAX, "id of a connection" },
	{ "every_start", PARAM_BOOLEAN, false, 0, 0, "with worker and crash: at each start from the next on; false: no more" },
	{ 0 }
};

static struct child *find(struct supervisor *s, const char *role, json_int_t worker)
{
	struct child *const roles[] = { &s->keeper, &s->librarian, &s->advisor, &s->logger };

	for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
		if (strcmp(role_name(roles[i]->role), role) == 0)
			return roles[i];
	return strcmp(role, "worker") == 0 && worker >= 1 && worker <= s->workers_n ? &s->workers[worker - 1] : NULL;
}

static void send_fault(struct child *c, enum fault kind, uint32_t rate, uint64_t conn)
{
	struct msg m = { .type = MSG_FAULT, .fault = { .kind = (uint8_t)kind, .rate = rate, .conn = conn } };

	child_send(c, &m, NULL, 0);
}

json_t *method_fault(struct call *call)
{
	const json_t *p = call->params, *every = json_object_get(p, "every_start");
	struct child *c = find(call->s, json_string_value(json_object_get(p, "role")), json_integer_value(json_object_get(p, "worker")));
	enum fault kind = fault_by_name(json_string_value(json_object_get(p, "kind")));

	if (!c || kind == FAULT_COUNT)
		return call_fail(call, RPC_NOT_FOUND, "there is no such process, or no such fault");
	if (every && c->index > 0) {
		uint64_t bit = 1ull << (c->index - 1);
		crash_at_start = json_is_true(every) ? crash_at_start | bit : crash_at_start & ~bit;
	}
	if (child_runs(c) && !json_is_false(every))
		send_fault(c, kind, (uint32_t)json_integer_value(json_object_get(p, "rate")),
			(uint64_t)json_integer_value(json_object_get(p, "connection")));
	return json_pack("{s:I}", "pid", (json_int_t)c->pid);
}

void faults_introduced(struct supervisor *s, struct child *c)
{
	(void)s;
	if (c->index > 0 && crash_at_start >> (c->index - 1) & 1)
		send_fault(c, FAULT_CRASH, 0, 0);
}
