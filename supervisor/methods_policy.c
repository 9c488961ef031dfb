/* SPDX-License-Identifier: BSD-2-Clause */
/* `explain` and `policies`: what would be decided, and by which scripts. */
#include <stdio.h>
#include <string.h>

#include "common/addr.h"
#include "common/names.h"
#include "supervisor/explain.h"
#include "supervisor/methods.h"
#include "supervisor/view.h"

const struct param explain_params[] = {
	{ "host", PARAM_STRING, false, 0, 0, "the host name that a client would ask for; none without it" },
	{ "from", PARAM_STRING, false, 0, 0, "the client's address (" EXPLAIN_FROM ")" },
	{ "alpn", PARAM_STRING, false, 0, 0, "the protocols that it would offer, with commas between" },
	{ "listener", PARAM_STRING, false, 0, 0, "the listener that it would come to (the first one)" },
	{ 0 }
};

static const char *text_param(const struct call *call, const char *name, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(call->params, name));

	return text ? text : otherwise;
}

static const struct conf_listener *find_listener(const struct conf *conf, const char *name)
{
	for (int i = 0; i < conf->listeners_n; i++)
		if (!*name || strcmp(conf->listeners[i].name, name) == 0)
			return &conf->listeners[i];
	return NULL;
}

json_t *method_explain(struct call *call)
{
	const char *host = text_param(call, "host", ""), *listener = text_param(call, "listener", "");
	struct explain_question q = { .from = text_param(call, "from", EXPLAIN_FROM), .listener = find_listener(call->s->conf, listener),
		.sources = conf_chain_order(call->s->conf) };
	char name[NAME_BYTES] = "";
	struct addr peer;

	/* An address names no host (RFC 6066 3). */
	if (*host && !name_is_ip(host) && !name_normalize(host, strlen(host), false, name))
		return call_fail(call, RPC_INVALID_PARAMS, "host: \"%.100s\" is no host name", host);
	if (addr_from_ip(&peer, q.from, 0) < 0)
		return call_fail(call, RPC_INVALID_PARAMS, "from: \"%.100s\" is no IPv4 or IPv6 address", q.from);
	if (!q.listener)
		return call_fail(call, RPC_NOT_FOUND, "there is no listener \"%.100s\"", listener);
	if (explain_alpn(&q, text_param(call, "alpn", "")) < 0)
		return call_fail(call, RPC_INVALID_PARAMS, "alpn: must be names of protocols with commas between, such as \"h2,http/1.1\"");
	q.host = name;
	explain_ask(call, &q);
	return NULL;
}

/* --- policies --- */

/* What the advisor explains or tries is no decision; what it judges is. */
static void add_judged(const struct supervisor *s, const char *file, struct ledger_policy *sum)
{
	struct ledger_policy judged = { .error_ns = 0 };

	totals_policy(&s->advisor.before, &s->advisor.ledger, file, &judged);
	memcpy(sum->calls[ASKED_WORKER], judged.calls[ASKED_WORKER], sizeof sum->calls[ASKED_WORKER]);
}

void view_policy(const struct supervisor *s, const struct policy_script *script, struct ledger_policy *sum)
{
	*sum = (struct ledger_policy){ .error_ns = 0 };
	for (int i = 0; i < s->workers_n; i++)
		totals_policy(&s->workers[i].before, &s->workers[i].ledger, policy_script_file(script), sum);
	add_judged(s, policy_script_file(script), sum);
}

bool view_was_asked(const struct ledger_policy *sum, enum asked a)
{
	uint64_t n = 0;

	for (int r = 0; r < RESULT_COUNT; r++)
		n |= sum->calls[a][r];
	return n > 0;
}

static json_t *calls_view(const struct ledger_policy *sum)
{
	json_t *o = json_object();

	for (int a = 0; a < ASKED_COUNT; a++) {
		if (!view_was_asked(sum, (enum asked)a))
			continue;
		json_t *calls = json_object();
		for (int r = 0; r < RESULT_COUNT; r++)
			view_set(calls, result_name((enum result)r), view_u64(sum->calls[a][r]));
		view_set(o, asked_name((enum asked)a), calls);
	}
	return o;
}

static json_t *script_view(const struct supervisor *s, const struct policy_script *script)
{
	struct ledger_policy sum;
	json_t *o = json_object();

	view_policy(s, script, &sum);
	view_set(o, "name", view_text(script->name));
	view_set(o, "file", view_text(script->path));
	for (int r = 0; r < RESULT_COUNT; r++) {
		uint64_t n = 0;
		for (int a = 0; a < ASKED_COUNT; a++)
			n += sum.calls[a][r];
		view_set(o, result_name((enum result)r), view_u64(n));
	}
	view_set(o, "calls", calls_view(&sum));
	view_set(o, "last_error", sum.last_error[0] ? view_text(sum.last_error) : json_null());
	return o;
}

static json_t *set_view(const struct policy_set *set)
{
	return json_pack("{s:o, s:o, s:I}", "name", view_text(set->name), "file", view_text(set->path), "names", (json_int_t)set->names);
}

json_t *method_policies(struct call *call)
{
	const struct policy_data *d = call->s->policy ? policy_flow_current(call->s->policy) : NULL;
	json_t *o = json_object(), *scripts = json_array(), *sets = json_array();

	for (int i = 0; d && i < d->scripts_n; i++)
		json_array_append_new(scripts, script_view(call->s, &d->scripts[i]));
	for (int i = 0; d && i < d->sets_n; i++)
		json_array_append_new(sets, set_view(&d->sets[i]));
	view_set(o, "folder", d && d->folder ? view_text(d->folder) : json_null());
	if (d && d->folder) {
		view_set(o, "generation", json_integer(d->generation));
		view_set(o, "budget_ms", json_integer(d->budget_us / 1000));
		view_set(o, "memory", json_integer(d->memory));
	}
	view_set(o, "scripts", scripts);
	view_set(o, "host_sets", sets);
	return o;
}
