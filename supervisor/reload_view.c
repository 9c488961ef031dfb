/* SPDX-License-Identifier: BSD-2-Clause */
/* What came of a reload: for who asked, for the log, for status. And the method that asks. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "supervisor/control.h"
#include "supervisor/methods.h"
#include "supervisor/reload_inside.h"
#include "supervisor/view.h"

#define RELOAD_MS 60000		/* it gives up by itself before */

void reload_count(const struct supervisor *s, struct reload_counts *c)
{
	const struct policy_data *policy = policy_flow_current(s->policy);

	*c = (struct reload_counts){ .names = s->names, .certificates = s->certificates,
		.scripts = policy ? policy->scripts_n : 0, .host_sets = policy ? policy->sets_n : 0,
		.listeners = s->conf->listeners_n, .backends = s->conf->backends_n, .workers = s->workers_wanted };
}

static json_t *value(const char *text)
{
	char cut[CONF_CHANGE_TEXT];

	if (!text)
		return json_null();
	snprintf(cut, sizeof cut, "%s", text);
	return view_text(cut);
}

static json_t *changes_of(const struct reload *r)
{
	json_t *list = json_array();

	for (int i = 0; i < r->changes.n; i++) {
		const struct conf_change *c = &r->changes.list[i];
		json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:s}", "path", view_text(c->path), "old", value(c->old),
			"new", value(c->new), "effect", conf_effect_name(c->effect)));
	}
	return list;
}

static void set_count(json_t *o, const char *name, int64_t before, int64_t now)
{
	view_set(o, name, json_pack("{s:I, s:I}", "before", (json_int_t)before, "now", (json_int_t)now));
}

static json_t *counts_of(const struct reload *r)
{
	struct reload_counts now;
	json_t *o = json_object();

	reload_count(r->s, &now);
	set_count(o, "names", r->before.names, now.names);
	set_count(o, "certificates", r->before.certificates, now.certificates);
	set_count(o, "scripts", r->before.scripts, now.scripts);
	set_count(o, "host_sets", r->before.host_sets, now.host_sets);
	set_count(o, "listeners", r->before.listeners, now.listeners);
	set_count(o, "backends", r->before.backends, now.backends);
	set_count(o, "workers", r->before.workers, now.workers);
	return o;
}

static json_t *answer_of(const struct reload *r)
{
	return json_pack("{s:I, s:s, s:o, s:o, s:O, s:I}", "generation", (json_int_t)r->s->generation,
		"effect", conf_effect_name(r->effect), "changes", changes_of(r), "counts", counts_of(r),
		"warnings", r->warnings, "took_ms", (json_int_t)r->last.took_ms);
}

static const char *first_error(const struct reload *r)
{
	const char *text = json_string_value(json_array_get(r->errors, 0));

	return text ? text : "";
}

static void note_end(struct reload *r, bool done)
{
	struct reload_last *l = &r->last;

	l->by = r->by;
	l->done = done;
	l->generation = r->s->generation;
	l->at = time(NULL);
	l->took_ms = (ledger_now_ns() - r->begun_ns) / 1000000;
	l->changes = r->changes.n;
	l->errors = r->errors_n;
	snprintf(l->error, sizeof l->error, "%.*s", (int)sizeof l->error - 1, done ? "" : first_error(r));
}

static void log_end_of(const struct reload *r, bool done)
{
	const struct reload_last *last = &r->last;
	struct log_line l;

	log_begin(&l, done ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR, done ? "reloaded" : "not reloaded: everything stays as it was");
	log_str(&l, "by", last->by);
	log_u64(&l, "generation", last->generation);
	if (done) {
		log_str(&l, "effect", conf_effect_name(r->effect));
		log_u64(&l, "settings", (uint64_t)last->changes);
		log_u64(&l, "names", r->s->names);
		log_u64(&l, "certificates", r->s->certificates);
	} else {
		log_u64(&l, "errors", last->errors);
	}
	log_ms(&l, "took", last->took_ms);
	log_end(&l);
}

void reload_answer(struct reload *r, bool done)
{
	struct control *control = r->s->control;

	note_end(r, done);
	log_end_of(r, done);
	control_event(control, done ? "reloaded" : "not_reloaded", json_pack("{s:I, s:s, s:I}", "generation",
		(json_int_t)r->s->generation, "by", r->by, "errors", (json_int_t)r->errors_n));
	if (r->ticket == 0)
		return;
	if (done)
		control_answer(control, r->ticket, answer_of(r));
	else
		control_fail_with(control, r->ticket, RPC_FAILED, json_pack("{s:O}", "errors", r->errors),
			"not reloaded, everything stays as it was: %u error%s", r->errors_n, r->errors_n == 1 ? "" : "s");
}

json_t *reload_view(const struct reload *r)
{
	const struct reload_last *l = r ? &r->last : NULL;
	json_t *o = json_pack("{s:b}", "under_way", r && r->stage != RELOAD_IDLE);

	if (!l || !l->by)
		return o;
	view_set(o, "result", json_string(l->done ? "done" : "refused"));
	view_set(o, "by", json_string(l->by));
	view_set(o, "generation", json_integer(l->generation));
	view_set(o, "at", json_integer(l->at));
	view_set(o, "took_ms", json_integer((json_int_t)l->took_ms));
	view_set(o, "changes", json_integer(l->changes));
	view_set(o, "errors", json_integer(l->errors));
	view_set(o, "error", *l->error ? view_text(l->error) : json_null());
	return o;
}

static const char *why_not(int rc)
{
	return rc == -EALREADY ? "a reload is under way" : rc == -EAGAIN ? "tlsward is still starting" : "tlsward is stopping";
}

json_t *method_reload(struct call *call)
{
	uint32_t ticket = control_later(call, RELOAD_MS);

	if (ticket == 0)
		return NULL;
	int rc = call->s->reload ? reload_begin(call->s, "the control socket", ticket) : -EAGAIN;
	if (rc < 0)
		control_fail(call->caller->control, ticket, RPC_FAILED, "not reloaded: %s", why_not(rc));
	return NULL;
}
