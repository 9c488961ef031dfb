/* SPDX-License-Identifier: BSD-2-Clause */
/* The methods about incidents, and evidence on demand. */
#include <string.h>

#include "supervisor/methods.h"
#include "supervisor/reports.h"
#include "supervisor/workers.h"

const struct param incident_params[] = {
	{ "id", PARAM_STRING, true, 0, 0, "id of an incident, or last" },
	{ 0 }
};

const struct param suspect_params[] = {
	{ "worker", PARAM_INTEGER, false, 1, WORKERS_MAX, "number of a worker" },
	{ "role", PARAM_STRING, false, 0, 0, "or another process: keeper, librarian, advisor or logger" },
	{ 0 }
};

/* NULL: call has the error. */
static struct child *suspect(struct call *call)
{
	struct supervisor *s = call->s;
	json_int_t n = json_integer_value(json_object_get(call->params, "worker"));
	const char *role = json_string_value(json_object_get(call->params, "role"));
	struct child *const others[] = { &s->keeper, &s->librarian, &s->advisor, &s->logger };

	if ((n > 0) == (role != NULL)) {
		call_fail(call, RPC_INVALID_PARAMS, "give either \"worker\" or \"role\"");
		return NULL;
	}
	for (size_t i = 0; role && i < sizeof others / sizeof others[0]; i++)
		if (others[i]->super && strcmp(role, role_name(others[i]->role)) == 0)
			return others[i];
	if (role)
		call_fail(call, RPC_NOT_FOUND, "\"%.40s\" is no process that can be looked at; there are keeper, librarian, advisor and logger", role);
	else if (n <= s->workers_n && !worker_is_vacant(s, &s->workers[n - 1]))
		return &s->workers[n - 1];
	else
		call_fail(call, RPC_NOT_FOUND, "there is no worker %d; the method workers lists them", (int)n);
	return NULL;
}

json_t *method_incidents(struct call *call)
{
	return json_pack("{s:o}", "incidents", incidents_list(call->s->incidents));
}

json_t *method_incident(struct call *call)
{
	return incidents_show(call->s->incidents, call, json_string_value(json_object_get(call->params, "id")));
}

json_t *method_witness(struct call *call)
{
	struct child *c = suspect(call);

	if (c)
		incidents_ask_report(call->s->incidents, call, c);
	return NULL;
}

json_t *method_descriptors(struct call *call)
{
	struct child *c = suspect(call);

	if (c)
		incidents_ask_descriptors(call->s->incidents, call, c);
	return NULL;
}
