/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/methods.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/faults.h"
#include "supervisor/rpc.h"
#include "supervisor/view.h"
#include "supervisor/workers.h"

static const char *const kinds[] = {
	[PARAM_STRING] = "string", [PARAM_INTEGER] = "integer", [PARAM_NUMBER] = "number",
	[PARAM_BOOLEAN] = "boolean", [PARAM_OBJECT] = "object",
};

json_t *call_fail(struct call *call, int code, const char *format, ...)
{
	va_list ap;

	call->code = code;
	va_start(ap, format);
	vsnprintf(call->error, sizeof call->error, format, ap);
	va_end(ap);
	return NULL;
}

static json_t *method_status(struct call *call)
{
	return view_status(call->s, call->now_ns);
}

static json_t *method_workers(struct call *call)
{
	json_t *list = json_array();

	for (int i = 0; i < call->s->workers_n; i++)
		if (!worker_is_vacant(call->s, &call->s->workers[i]))
			json_array_append_new(list, view_worker_brief(&call->s->workers[i], call->now_ns));
	return json_pack("{s:o}", "workers", list);
}

static const struct param worker_params[] = {
	{ "worker", PARAM_INTEGER, true, 1, WORKERS_MAX, "number of the worker" },
	{ 0 }
};

static json_t *method_worker(struct call *call)
{
	json_int_t n = json_integer_value(json_object_get(call->params, "worker"));

	if (n > call->s->workers_n)
		return call_fail(call, RPC_NOT_FOUND, "there is no worker %d; they are numbered from 1 to %d", (int)n, call->s->workers_n);
	return view_worker_full(call->s, &call->s->workers[n - 1], call->now_ns);
}

static json_t *method_help(struct call *call);

static const struct param no_params[] = { { 0 } };

static const struct method methods[] = {
	{ "status", "the state of the whole: processes, totals over all workers, ends by reason",
		RIGHT_READ, no_params, method_status },
	{ "workers", "each worker in a few numbers",
		RIGHT_READ, no_params, method_workers },
	{ "worker", "everything about one worker",
		RIGHT_READ, worker_params, method_worker },
	{ "connections", "connections that live, or the last that ended; in pages",
		RIGHT_READ, connections_params, method_connections },
	{ "hosts", "the names that certificates cover; in pages",
		RIGHT_READ, hosts_params, method_hosts },
	{ "host", "one name: its certificates, and who asked for it",
		RIGHT_READ, host_params, method_host },
	{ "waits", "the names that connections are held for, the one with most first",
		RIGHT_READ, no_params, method_waits },
	{ "chains", "the certificates with their chains, those that something is wrong with first; in pages",
		RIGHT_READ, chains_params, method_chains },
	{ "fetch", "missing certificates and staples are fetched now, past the wait for their next try",
		RIGHT_CHANGE, fetch_params, method_fetch },
	{ "backends", "the servers of the backends, and how connecting to them went",
		RIGHT_READ, no_params, method_backends },
	{ "metrics", "every number, with its type and help, as Prometheus has them",
		RIGHT_READ, no_params, method_metrics },
	{ "events", "follow what happens: notifications named event come from now on",
		RIGHT_READ, no_params, method_events },
	{ "drain", "a worker, or all, takes no more connections and ends with its last; nobody takes its place",
		RIGHT_CHANGE, drain_params, method_drain },
	{ "replace", "a worker gets a successor, then drains; answered when the successor is ready",
		RIGHT_CHANGE, replace_params, method_replace },
	{ "close", "ends a connection, with an alert",
		RIGHT_CHANGE, close_params, method_close },
	{ "log-level", "from which level on all processes log",
		RIGHT_CHANGE, log_level_params, method_log_level },
	{ "reload", "reads the configuration and all files again; answered when it is obeyed, or with all that is wrong",
		RIGHT_CHANGE, no_params, method_reload },
	{ "explain", "what would be decided for a client, by which script or setting, and what it would be served",
		RIGHT_READ, explain_params, method_explain },
	{ "policies", "the scripts of the policy in their order, what came of their calls, and their host sets",
		RIGHT_READ, no_params, method_policies },
	{ "incidents", "the reports on processes that were found sick, died, or were looked at, newest first",
		RIGHT_READ, no_params, method_incidents },
	{ "incident", "one report, whole",
		RIGHT_READ, incident_params, method_incident },
	{ "descriptors", "the descriptors of a process: state, queues, and whose each is",
		RIGHT_READ, suspect_params, method_descriptors },
	{ "witness", "a report on a process as it is now; answered when it is written",
		RIGHT_CHANGE, suspect_params, method_witness },
#ifdef WITH_FAULTS
	{ "fault", "makes a process go wrong, to see what is done about it; only in a build for tests",
		RIGHT_CHANGE, fault_params, method_fault },
#endif
	{ "help", "the methods, what they take, and what the caller may",
		RIGHT_READ, no_params, method_help },
};

static json_t *param_help(const struct param *p)
{
	json_t *o = json_pack("{s:s, s:s, s:b}", "type", kinds[p->kind], "help", p->help, "required", p->required);

	if (p->kind == PARAM_INTEGER) {
		view_set(o, "min", json_integer(p->min));
		view_set(o, "max", json_integer(p->max));
	}
	return o;
}

static json_t *method_help(struct call *call)
{
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
		const struct method *m = &methods[i];
		json_t *params = json_object();
		for (const struct param *p = m->params; p->name; p++)
			view_set(params, p->name, param_help(p));
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "name", m->name, "help", m->help,
			"needs", right_name(m->needs), "params", params));
	}
	return json_pack("{s:s, s:o}", "you_may", right_name(call->caller->right), "methods", list);
}

const struct method *method_find(const char *name)
{
	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	return NULL;
}

static bool kind_fits(const struct param *p, const json_t *v)
{
	switch (p->kind) {
	case PARAM_STRING: return json_is_string(v);
	case PARAM_INTEGER: return json_is_integer(v) && json_integer_value(v) >= p->min && json_integer_value(v) <= p->max;
	case PARAM_NUMBER: return json_is_number(v) && json_number_value(v) >= 0;
	case PARAM_BOOLEAN: return json_is_boolean(v);
	case PARAM_OBJECT: return json_is_object(v);
	}
	return false;
}

static void wrong_kind(struct call *call, const struct param *p)
{
	if (p->kind == PARAM_INTEGER)
		call_fail(call, RPC_INVALID_PARAMS, "%s: must be an integer from %lld to %lld (%s)", p->name, (long long)p->min, (long long)p->max, p->help);
	else
		call_fail(call, RPC_INVALID_PARAMS, "%s: must be %s %s%s (%s)", p->name, p->kind == PARAM_OBJECT ? "an" : "a",
			kinds[p->kind], p->kind == PARAM_NUMBER ? ", 0 or more" : "", p->help);
}

static const struct param *find_param(const struct method *m, const char *name)
{
	for (const struct param *p = m->params; p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

static void unknown_param(struct call *call, const struct method *m, const char *name)
{
	char known[256] = "";

	for (const struct param *p = m->params; p->name; p++) {
		size_t n = strlen(known);
		snprintf(known + n, sizeof known - n, "%s%s", n > 0 ? ", " : "; it takes ", p->name);
	}
	call_fail(call, RPC_INVALID_PARAMS, "%.60s: %s has no such parameter%s", name, m->name, known);
}

bool method_check(struct call *call, const struct method *m, const json_t *params)
{
	const char *name;
	json_t *v;

	if (params && !json_is_object(params)) {
		call_fail(call, RPC_INVALID_PARAMS, "\"params\" must be an object: parameters go by name");
		return false;
	}
	json_object_foreach((json_t *)params, name, v) {
		const struct param *p = find_param(m, name);
		if (!p)
			unknown_param(call, m, name);
		else if (!kind_fits(p, v))
			wrong_kind(call, p);
		else
			continue;
		return false;
	}
	for (const struct param *p = m->params; p->name; p++) {
		if (p->required && !json_object_get(params, p->name)) {
			call_fail(call, RPC_INVALID_PARAMS, "%s: is missing (%s)", p->name, p->help);
			return false;
		}
	}
	call->params = params;
	return true;
}
