/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The methods of the control socket: one table. A row says its name, what it
 * does, what it takes, and who may; `help` prints the table.
 */
#ifndef SUPERVISOR_METHODS_H
#define SUPERVISOR_METHODS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "supervisor/rights.h"
#include "supervisor/rpc.h"
#include "supervisor/supervisor.h"

enum param_kind { PARAM_STRING, PARAM_INTEGER, PARAM_NUMBER, PARAM_BOOLEAN, PARAM_OBJECT };

struct param {
	const char *name;		/* NULL ends a list */
	enum param_kind kind;
	bool required;
	json_int_t min, max;		/* of PARAM_INTEGER */
	const char *help;
};

/* One request on its way through a handler. */
struct call {
	struct supervisor *s;
	const struct caller *caller;
	json_t *id;			/* of the request; NULL: no answer is wanted */
	bool later;			/* the answer comes later: see control_later() */
	uint64_t now_ns;
	const json_t *params;		/* checked against the row; NULL: none given */
	int code;			/* on failure: enum rpc_code */
	char error[512];		/* and a sentence */
};

struct method {
	const char *name, *help;
	enum right needs;
	const struct param *params;
	/*
	 * Returns a new reference, or NULL with code and error set (left unset:
	 * out of memory), or NULL after control_later().
	 */
	json_t *(*handler)(struct call *call);
};

/* NULL if there is none of that name. */
const struct method *method_find(const char *name);

/* Checks params (an object or NULL) against the row; sets code and error and is false otherwise. */
bool method_check(struct call *call, const struct method *m, const json_t *params);

/* Sets code and error; always NULL, for handlers to return. */
json_t *call_fail(struct call *call, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

json_t *method_events(struct call *call);
/* methods_policy.c */
extern const struct param explain_params[];
json_t *method_explain(struct call *call);
json_t *method_policies(struct call *call);

/* `connections`, which has a file of its own. */
extern const struct param connections_params[];
json_t *method_connections(struct call *call);
/* pattern: a name, or *.example.org for all below example.org. */
bool sni_matches(const char *pattern, const char *sni);

/* hosts.c */
extern const struct param hosts_params[], host_params[], chains_params[];
json_t *method_chains(struct call *call);
json_t *method_hosts(struct call *call);
json_t *method_host(struct call *call);

/* methods_fetch.c */
extern const struct param fetch_params[];
json_t *method_fetch(struct call *call);

/* waits.c */
json_t *method_waits(struct call *call);

/* view_backends.c, metrics.c */
json_t *method_backends(struct call *call);
json_t *method_metrics(struct call *call);

/* reload_view.c */
json_t *method_reload(struct call *call);
/* methods_incidents.c */
extern const struct param incident_params[], suspect_params[];
json_t *method_incidents(struct call *call);
json_t *method_incident(struct call *call);
json_t *method_witness(struct call *call);
json_t *method_descriptors(struct call *call);

/* operator.c: what changes something. */
extern const struct param drain_params[], replace_params[], close_params[], log_level_params[];
json_t *method_drain(struct call *call);
json_t *method_replace(struct call *call);
json_t *method_close(struct call *call);
json_t *method_log_level(struct call *call);

#endif
