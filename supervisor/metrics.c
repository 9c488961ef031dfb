/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The method `metrics`: every number in the shape of Prometheus (families with
 * type and help, samples with labels), which tlswardctl prints as its text.
 */
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "supervisor/control_client.h"
#include "supervisor/expiring.h"
#include "supervisor/fetches.h"
#include "supervisor/methods.h"
#include "supervisor/view.h"
#include "supervisor/watch.h"
#include "supervisor/watch_view.h"

/* Adds a family to the list; returns its samples, borrowed. */
static json_t *family(json_t *list, const char *prefix, const char *name, const char *type, const char *help)
{
	char full[96];
	json_t *samples = json_array();

	snprintf(full, sizeof full, "tlsward_%s%s%s", prefix, name, strcmp(type, "counter") == 0 ? "_total" : "");
	json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "name", full, "type", type, "help", help, "samples", samples));
	return samples;
}

/* Takes labels and value. */
static void sample(json_t *samples, json_t *labels, json_t *value)
{
	json_array_append_new(samples, json_pack("{s:o, s:o}", "labels", labels, "value", value));
}

static json_t *labels_of(const struct child *c)
{
	char number[16];
	json_t *o = json_pack("{s:s}", "role", role_name(c->role));

	snprintf(number, sizeof number, "%u", c->index);
	if (c->index > 0)
		view_set(o, "worker", json_string(number));
	return o;
}

static json_t *labels_with(const struct child *c, const char *key, const char *value)
{
	json_t *o = labels_of(c);

	view_set(o, key, view_text(value));
	return o;
}

/* Calls each for the workers, then for the other roles. */
static void for_each(const struct supervisor *s, void (*each)(void *data, const struct child *c), void *data)
{
	for (int i = 0; i < s->workers_n; i++)
		each(data, &s->workers[i]);
	each(data, &s->keeper);
	each(data, &s->librarian);
	each(data, &s->advisor);
	each(data, &s->logger);
}

struct one {
	json_t *samples;
	int which;
	uint64_t now_ns;
};

static void add_counter(void *data, const struct child *c)
{
	const struct one *o = data;
	uint64_t n = totals_counter(&c->before, &c->ledger, (enum counter)o->which);

	/* What a role never counts is left out; a worker counts everything. */
	if (n > 0 || c->role == ROLE_WORKER)
		sample(o->samples, labels_of(c), view_u64(n));
}

static void add_gauge(void *data, const struct child *c)
{
	const struct one *o = data;

	if (c->role == ROLE_WORKER && c->pid)
		sample(o->samples, labels_of(c), view_u64(view_gauge(c, (enum gauge)o->which)));
}

static void add_ends(void *data, const struct child *c)
{
	const struct one *o = data;

	for (int e = END_NONE + 1; e < END_COUNT && c->role == ROLE_WORKER; e++)
		sample(o->samples, labels_with(c, "reason", end_name((enum end)e)),
			view_u64(totals_end(&c->before, &c->ledger, (enum end)e)));
}

static void add_states(void *data, const struct child *c)
{
	const struct one *o = data;

	for (int i = 0; i < CHILD_STATE_COUNT; i++)
		sample(o->samples, labels_with(c, "state", child_state_name((enum child_state)i)), json_integer((int)c->state == i));
}

static void add_deaths(void *data, const struct child *c)
{
	const struct one *o = data;

	sample(o->samples, labels_of(c), json_integer(c->deaths));
}

static json_t *seconds(uint64_t since_ns, uint64_t now_ns)
{
	return json_real(now_ns > since_ns ? (double)((now_ns - since_ns) / 1000000) / 1e3 : 0);
}

static void add_uptime(void *data, const struct child *c)
{
	const struct one *o = data;

	if (c->pid)
		sample(o->samples, labels_of(c), seconds(c->started_ns, o->now_ns));
}

static void add_heartbeat(void *data, const struct child *c)
{
	const struct one *o = data;
	uint64_t beat = c->pid && c->ledger.head ? ledger_get(&c->ledger.head->heartbeat_ns) : 0;

	if (beat > 0)
		sample(o->samples, labels_of(c), seconds(beat, o->now_ns));
}

static void add_verdicts(void *data, const struct child *c)
{
	const struct one *o = data;
	const struct watched *p = watch_of(c->super, c);

	for (int k = VERDICT_NONE + 1; p && k < VERDICT_COUNT; k++)
		sample(o->samples, labels_with(c, "verdict", verdict_name((enum verdict_kind)k)), view_u64(p->verdicts[k]));
}

static void add_replacements(void *data, const struct child *c)
{
	const struct one *o = data;

	sample(o->samples, labels_of(c), view_u64(watch_replaced(c)));
}

static const struct sample *last_sample(const struct child *c)
{
	const struct watched *p = watch_of(c->super, c);

	return p && c->pid && p->samples.n > 0 && p->samples.generation == c->generation ? &p->samples.list[p->samples.n - 1] : NULL;
}

static void add_cpu(void *data, const struct child *c)
{
	const struct one *o = data;
	const struct sample *last = last_sample(c);

	if (last)
		sample(o->samples, labels_of(c), json_real((double)last->cpu_ns / 1e9));
}

static void add_memory(void *data, const struct child *c)
{
	const struct one *o = data;
	const struct sample *last = last_sample(c);

	if (last)
		sample(o->samples, labels_of(c), view_u64(last->rss_bytes));
}

static void add_fds(void *data, const struct child *c)
{
	const struct one *o = data;
	const struct sample *last = last_sample(c);

	if (last)
		sample(o->samples, labels_of(c), view_u64(last->fds));
}

static void add_processes(json_t *list, const struct supervisor *s, uint64_t now_ns)
{
	static const struct {
		const char *name, *type, *help;
		void (*each)(void *data, const struct child *c);
	} rows[] = {
		{ "state", "gauge", "1 for the state that the process is in", add_states },
		{ "deaths", "counter", "deaths that nobody asked for", add_deaths },
		{ "uptime_seconds", "gauge", "time since the process was started", add_uptime },
		{ "heartbeat_age_seconds", "gauge", "time since its loop last turned", add_heartbeat },
		{ "verdicts", "counter", "times the process in that place was found sick", add_verdicts },
		{ "replacements", "counter", "sick processes in that place that were replaced", add_replacements },
		{ "cpu_seconds", "counter", "processor time that the process has used", add_cpu },
		{ "memory_bytes", "gauge", "memory of its own, without what processes share", add_memory },
		{ "descriptors_open", "gauge", "descriptors that it has, also those that it does not account for", add_fds },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct one o = { .samples = family(list, "process_", rows[i].name, rows[i].type, rows[i].help), .now_ns = now_ns };
		for_each(s, rows[i].each, &o);
	}
}

static void add_ledgers(json_t *list, const struct supervisor *s)
{
	for (int i = 0; i < COUNT_COUNT; i++) {
		struct one o = { .samples = family(list, "", counter_name((enum counter)i), "counter", counter_help((enum counter)i)), .which = i };
		for_each(s, add_counter, &o);
	}
	for (int i = 0; i < GAUGE_COUNT; i++) {
		struct one o = { .samples = family(list, "", gauge_name((enum gauge)i), "gauge", gauge_help((enum gauge)i)), .which = i };
		for_each(s, add_gauge, &o);
	}
	struct one o = { .samples = family(list, "", "ends", "counter", "connections that have ended, by reason") };
	for_each(s, add_ends, &o);
}

static void add_phases(json_t *list, const struct supervisor *s)
{
	json_t *samples = family(list, "", "phase_connections", "gauge", "connections that live, by phase");
	uint64_t counts[PHASE_COUNT];

	view_phases(s->workers, s->workers_n, counts);
	for (int p = PHASE_NONE + 1; p < PHASE_COUNT; p++)
		sample(samples, json_pack("{s:s}", "phase", phase_name((enum phase)p)), view_u64(counts[p]));
}

static void add_servers(json_t *list, const struct supervisor *s, uint64_t now_ns)
{
	json_t *connects = family(list, "server_", "connects", "counter", "connections made to a server of a backend");
	json_t *failures = family(list, "server_", "failures", "counter", "connects to a server of a backend that failed");
	json_t *resting = family(list, "server_", "resting", "gauge", "1 while a worker leaves the server out because it failed");
	struct ledger_server sum;

	for (int i = 0; i < s->conf->backends_n; i++) {
		const struct conf_backend *b = &s->conf->backends[i];
		for (int k = 0; b->servers[k]; k++) {
			json_t *labels = json_pack("{s:o, s:o}", "backend", view_text(b->name), "server", view_text(b->servers[k]));
			view_server(s, b->name, b->servers[k], &sum);
			sample(connects, json_incref(labels), view_u64(sum.connects));
			sample(failures, json_incref(labels), view_u64(sum.failures));
			sample(resting, labels, json_integer(sum.rests_until_ns > now_ns));
		}
	}
}

static void add_script(json_t *samples, const struct supervisor *s, const struct policy_script *script)
{
	struct ledger_policy sum;

	view_policy(s, script, &sum);
	for (int a = 0; a < ASKED_COUNT; a++)
		for (int r = 0; r < RESULT_COUNT && view_was_asked(&sum, (enum asked)a); r++)
			sample(samples, json_pack("{s:o, s:s, s:s}", "script", view_text(policy_script_file(script)),
				"function", asked_name((enum asked)a), "result", result_name((enum result)r)), view_u64(sum.calls[a][r]));
}

/* As many scripts as a ledger counts; of each the functions that it has been asked for. */
static void add_policy(json_t *list, const struct supervisor *s)
{
	const struct policy_data *d = s->policy ? policy_flow_current(s->policy) : NULL;
	json_t *samples = family(list, "", "policy_calls", "counter", "calls of the functions of policy scripts, by what came of them");

	for (int i = 0; d && i < d->scripts_n && i < LEDGER_POLICIES; i++)
		add_script(samples, s, &d->scripts[i]);
}

static void add_staples(json_t *list, const struct supervisor *s)
{
	json_t *samples = family(list, "", "staples", "gauge", "certificates that want a staple, by how it stands with it");

	for (int i = 0; i < STAPLE_STATE_COUNT; i++)
		sample(samples, json_pack("{s:s}", "state", staple_state_name((enum staple_state)i)), json_integer(s->staples.counts[i]));
}

/* Of orders and of fetches of missing certificates. */
static void add_fetches(json_t *list, const struct supervisor *s)
{
	static const char *const what[] = { "fetch", "order" };
	json_t *wanted = family(list, "", "certificates_wanted", "gauge", "certificates that are to be ordered, or missing links that are to be fetched");
	json_t *runs = family(list, "", "certificates_on_their_way", "gauge", "of these, those that are being ordered or fetched");
	json_t *fails = family(list, "", "certificates_failing", "gauge", "of these, those whose last try has failed");
	for (int i = 0; i < 2; i++) {
		struct fetch_counts c = fetches_count(&s->fetches, i == 1);
		sample(wanted, json_pack("{s:s}", "by", what[i]), json_integer(c.wanted));
		sample(runs, json_pack("{s:s}", "by", what[i]), json_integer(c.running));
		sample(fails, json_pack("{s:s}", "by", what[i]), json_integer(c.failing));
	}
}

static void add_whole(json_t *list, const struct supervisor *s, const struct control *ctl, uint64_t now_ns)
{
	sample(family(list, "", "build_info", "gauge", "1; the version is a label"),
		json_pack("{s:s}", "version", PACKAGE_VERSION), json_integer(1));
	sample(family(list, "", "uptime_seconds", "gauge", "time since tlsward was started"), json_object(),
		seconds(s->started_ns, now_ns));
	sample(family(list, "", "names", "gauge", "host names that certificates cover"), json_object(), json_integer(s->names));
	sample(family(list, "", "certificates", "gauge", "certificates in the catalog"), json_object(), json_integer(s->certificates));
	sample(family(list, "", "certificates_expiring", "gauge", "certificates that end soon, or have ended"), json_object(),
		json_integer(expiring_known(s->expiring)->certificates));
	sample(family(list, "", "certificates_first_end_seconds", "gauge", "when the first certificate ends, in seconds since 1970; 0: not known"),
		json_object(), json_integer(expiring_known(s->expiring)->first_end));
	add_staples(list, s);
	if (!ctl)
		return;
	sample(family(list, "", "control_clients", "gauge", "clients of the control socket"), json_object(), json_integer(ctl->clients_n));
	sample(family(list, "", "events", "counter", "events that could be followed"), json_object(), view_u64(ctl->events));
	sample(family(list, "", "events_lost", "counter", "events that a follower was too slow for"), json_object(), view_u64(ctl->events_lost));
}

json_t *method_metrics(struct call *call)
{
	json_t *list = json_array();

	add_whole(list, call->s, call->caller->control, call->now_ns);
	add_processes(list, call->s, call->now_ns);
	add_ledgers(list, call->s);
	add_phases(list, call->s);
	add_servers(list, call->s, call->now_ns);
	add_policy(list, call->s);
	add_fetches(list, call->s);
	return json_pack("{s:o}", "metrics", list);
}
