/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/incident_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "common/log.h"
#include "supervisor/control.h"
#include "supervisor/incident_head.h"
#include "supervisor/supervisor.h"
#include "supervisor/view.h"

#define STEPS_MAX 64
#define DONE_MS 3000		/* then whoever opened it goes on */
#define SAVE_STEPS_S 1.
#define OPERATOR "operator"
#define OPERATOR_TEXT "asked for by an operator"

/* ---- telling ---- */

static void say(enum log_level level, const char *text, const struct incident *one, const char *key, const char *value)
{
	struct log_line l;

	log_begin(&l, level, text);
	log_str(&l, "incident", one->id);
	log_str(&l, "role", role_name(one->child->role));
	if (one->child->index > 0)
		log_u64(&l, "index", one->child->index);
	log_str(&l, "verdict", json_string_value(json_object_get(one->summary, "verdict")));
	if (*value)
		log_str(&l, key, value);
	log_end(&l);
}

static void tell(const struct incident *one, const char *event)
{
	json_t *o = json_deep_copy(one->summary);

	view_set(o, "state", json_string(report_state_name(one->state)));
	control_event(one->all->s->control, event, o);
}

/* ---- the witness's answers ---- */

static void call_done(struct incident *one)
{
	void (*done)(struct supervisor *s, struct child *c) = one->done;

	one->done = NULL;
	ev_timer_stop(one->all->s->loop, &one->deadline);
	if (done)
		done(one->all->s, one->child);
}

static void answer_operator(struct incident *one, const char *missing)
{
	struct control *control = one->all->s->control;

	if (one->ticket == 0)
		return;
	json_t *o = incident_summary(one);
	incident_set_text(o, "missing", missing);
	control_answer(control, one->ticket, o);
	one->ticket = 0;
}

static void order_report(struct incident *one, unsigned parts, const char *missing);
static void save_later(struct incidents *i);

static void settle(struct incident *one, enum report_state state, const char *missing)
{
	one->state = state;
	if (state == INCIDENT_WRITTEN) {
		json_decref(one->report);
		one->report = NULL;
		say(LOG_LEVEL_NOTICE, "an incident report was written", one, "missing", missing);
	} else {
		say(LOG_LEVEL_ERROR, "an incident report could not be written; it is kept in memory", one, "why", one->failed);
	}
	tell(one, "incident_report");
	if (one->unsaved)
		save_later(one->all);
	answer_operator(one, missing);
	call_done(one);
	incidents_bound(one->all);
}

static void on_report(void *data, const struct witness_result *r)
{
	struct incident *one = data;
	json_t *whole = r->answered ? witness_get_json(r->fd) : NULL;

	if (json_is_object(whole)) {
		json_decref(one->report);
		one->report = json_incref(whole);
	}
	json_decref(whole);
	if (r->answered && !*r->error) {
		view_set(one->summary, "bytes", json_integer(r->bytes));
		settle(one, INCIDENT_WRITTEN, r->missing);
	} else if (!r->answered && !one->retried) {
		char why[200];
		one->retried = true;
		snprintf(why, sizeof why, "descriptors, profile, process: %s", r->error);
		say(LOG_LEVEL_WARNING, "a witness failed; the report is written without its half", one, "why", r->error);
		order_report(one, 0, why);
	} else {
		snprintf(one->failed, sizeof one->failed, "%s", r->error);
		settle(one, INCIDENT_KEPT, r->missing);
	}
}

/* ---- orders ---- */

static void set_deadline(struct incident *one, double after_s)
{
	struct ev_loop *loop = one->all->s->loop;

	ev_now_update(loop);
	ev_timer_stop(loop, &one->deadline);
	ev_timer_set(&one->deadline, after_s, 0.);
	ev_timer_start(loop, &one->deadline);
}

static void order_report(struct incident *one, unsigned parts, const char *missing)
{
	int head = witness_put_json(one->report);
	struct witness_order o = {
		.req = { .task = WITNESS_REPORT, .id = one->id, .parts = (uint8_t)parts, .deadline_ms = INCIDENT_COLLECT_MS, .missing = one->without },
		.fds = { head }, .fds_n = head >= 0, .deadline_ms = INCIDENT_WITNESS_MS, .done = on_report, .data = one };
	int rc = head < 0 ? head : 0;

	snprintf(one->without, sizeof one->without, "%s", missing);
	witness_order_suspect(&o, one->child);
	witness_order_fd(&o, one->child->ledger.fd);
	if (o.fds_n == 2)
		witness_order_fd(&o, one->all->s->state.reports_fd);
	if (rc == 0)
		rc = witnesses_order(one->all->witnesses, &o);
	if (rc == 0)
		return;
	/* Told by the timer: whoever opened it is not called back from within. */
	snprintf(one->failed, sizeof one->failed, "no witness can be started: %s", strerror(-rc));
	set_deadline(one, 0.);
}

static void on_steps(void *data, const struct witness_result *r)
{
	struct incident *one = data;

	one->saving = false;
	one->unsaved |= *r->error != '\0';	/* with the next one */
	if (*r->error)
		say(LOG_LEVEL_WARNING, "the steps taken could not be added to an incident report", one, "why", r->error);
	else
		view_set(one->summary, "bytes", json_integer(r->bytes));
	incidents_bound(one->all);
}

static void save_steps(struct incident *one)
{
	int steps = witness_put_json(one->steps);
	struct witness_order o = { .req = { .task = WITNESS_STEPS, .id = one->id, .missing = "" },
		.fds = { steps }, .fds_n = steps >= 0, .deadline_ms = INCIDENT_WITNESS_MS, .done = on_steps, .data = one };

	if (steps < 0)
		return;
	witness_order_fd(&o, one->all->s->state.reports_fd);
	one->unsaved = false;
	one->saving = witnesses_order(one->all->witnesses, &o) == 0;
}

static void on_save(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct incidents *i = t->data;
	bool again = false;

	(void)revents;
	ev_timer_stop(loop, t);
	for (size_t k = 0; k < i->n; k++) {
		struct incident *one = i->list[k];
		if (one->unsaved && one->state == INCIDENT_WRITTEN && !one->saving)
			save_steps(one);
		again |= one->unsaved && one->state == INCIDENT_WRITTEN;
	}
	if (again)
		save_later(i);
}

static void save_later(struct incidents *i)
{
	if (i->stopped || ev_is_active(&i->save))
		return;
	ev_now_update(i->s->loop);
	ev_timer_set(&i->save, SAVE_STEPS_S, 0.);
	ev_timer_start(i->s->loop, &i->save);
}

/* ---- opening ---- */

static void on_deadline(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct incident *one = t->data;

	(void)loop; (void)revents;
	if (one->state == INCIDENT_OPEN && *one->failed)
		settle(one, INCIDENT_KEPT, "");
	else
		call_done(one);
}

static json_t *make_summary(const struct incident *one, const struct verdict *v)
{
	const struct child *c = one->child;
	bool asked = v->kind == VERDICT_NONE;

	json_t *o = json_pack("{s:s, s:f, s:s, s:I, s:I, s:s}", "id", one->id, "time", (double)time(NULL),
		"role", role_name(c->role), "pid", (json_int_t)c->pid, "generation", (json_int_t)c->generation,
		"verdict", asked ? OPERATOR : verdict_name(v->kind));
	if (c->role == ROLE_WORKER)
		view_set(o, "worker", json_integer(c->index));
	incident_set_text(o, "numbers", v->numbers);
	if (v->kind == VERDICT_CRASH)
		incident_set_text(o, "death", c->last_death);
	return o;
}

static json_t *make_report(const struct incident *one, const struct verdict *v, const struct sample *samples, size_t n)
{
	uint64_t now = ledger_now_ns();
	json_t *o = json_pack("{s:i, s:s}", "format", 1, "version", PACKAGE_VERSION), *evidence = incident_head(one->all->s, one->child, now);

	json_object_update(o, one->summary);
	view_set(o, "text", json_string(v->kind == VERDICT_NONE ? OPERATOR_TEXT : verdict_text(v->kind)));
	view_set(o, "since_ms_ago", v->since_ns ? view_u64(now > v->since_ns ? (now - v->since_ns) / 1000000 : 0) : json_null());
	json_object_update(o, evidence);
	json_decref(evidence);
	if (n > 0)
		view_set(o, "samples", incident_head_samples(samples, n, now));
	view_set(o, "steps", json_incref(one->steps));
	view_set(o, "missing", json_array());
	return o;
}

/* The same process and the same verdict are one incident while it is open. */
static struct incident *find_same(const struct incidents *i, const struct child *c, enum verdict_kind kind)
{
	for (size_t k = 0; k < i->n; k++) {
		struct incident *one = i->list[k];
		if (one->state == INCIDENT_OPEN && one->child == c && one->generation == c->generation && one->kind == kind)
			return one;
	}
	return NULL;
}

static unsigned parts_for(const struct child *c, const struct verdict *v)
{
	return v->kind == VERDICT_CRASH || c->pid <= 0 ? 0 : WITNESS_FDS | WITNESS_PROFILE | WITNESS_PROC;
}

static struct incident *open_one(struct incidents *i, struct child *c, const struct verdict *v,
	const struct sample *samples, size_t n)
{
	char id[INCIDENT_ID_BYTES];

	if (!i || i->stopped || i->s->check || incidents_open_n(i) >= INCIDENTS_OPEN_MAX)
		return NULL;
	incident_make_id(i, id);
	struct incident *one = incident_new(i, id);
	if (!one)
		return NULL;
	one->child = c;
	one->generation = c->generation;
	one->kind = v->kind;
	one->summary = make_summary(one, v);
	one->report = make_report(one, v, samples, n);
	i->list[i->n++] = one;
	set_deadline(one, DONE_MS / 1e3);
	say(v->kind == VERDICT_NONE ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING, "an incident was opened", one, "numbers", v->numbers);
	tell(one, "incident");
	return one;
}

const char *incidents_open(struct incidents *i, struct child *c, const struct verdict *v,
	const struct sample *samples, size_t n, void (*done)(struct supervisor *s, struct child *c))
{
	struct incident *one = i ? find_same(i, c, v->kind) : NULL;

	if (one && !one->done) {
		one->done = done;
		return one->id;
	}
	one = open_one(i, c, v, samples, n);
	if (!one)
		return NULL;
	one->done = done;
	unsigned parts = parts_for(c, v);
	order_report(one, parts, parts == 0 ? "descriptors, profile, process: the process is dead" : "");
	return one->id;
}

void incidents_step(struct incidents *i, const char *id, const char *text)
{
	struct incident *one = i && id ? incident_find(i, id) : NULL;

	if (!one || json_array_size(one->steps) >= STEPS_MAX)
		return;
	json_array_append_new(one->steps, json_pack("{s:f, s:o}", "time", (double)time(NULL), "text", view_text(text)));
	one->unsaved = true;
	if (one->state == INCIDENT_WRITTEN)
		save_later(i);
}

bool incident_open_for(struct incidents *i, struct child *c, uint32_t ticket)
{
	struct verdict v = { .kind = VERDICT_NONE };
	struct incident *one = open_one(i, c, &v, NULL, 0);

	if (!one)
		return false;
	one->ticket = ticket;
	order_report(one, parts_for(c, &v), "");
	return true;
}

/* ---- life ---- */

static void on_list(void *data, const struct witness_result *r)
{
	struct incidents *i = data;
	json_t *list = witness_get_json(r->fd), *v;
	size_t k, at = 0;

	if (*r->error || !json_is_array(list))
		log_warning("incident reports of earlier runs cannot be listed: %s", *r->error ? r->error : "no answer");
	json_array_foreach(list, k, v) {
		const char *id = json_string_value(json_object_get(v, "id"));
		struct incident *one = id && strlen(id) < INCIDENT_ID_BYTES && !incident_find(i, id) && i->n < REPORTS_KEPT ? incident_new(i, id) : NULL;
		if (!one)
			continue;
		one->state = INCIDENT_WRITTEN;
		one->summary = json_incref(v);
		/* Those of this run are newer. */
		memmove(i->list + at + 1, i->list + at, (i->n++ - at) * sizeof i->list[0]);
		i->list[at++] = one;
	}
	json_decref(list);
}

static void on_begin(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct incidents *i = t->data;
	struct witness_order o = { .req = { .task = WITNESS_LIST, .id = "", .missing = "" },
		.deadline_ms = 2 * INCIDENT_WITNESS_MS, .done = on_list, .data = i };

	(void)revents;
	ev_timer_stop(loop, t);
	if (i->s->state.reports_fd < 0) {
		log_warning("incident reports are kept in memory only: the directory incidents in state_directory cannot be used: %s",
			strerror(-i->s->state.reports_fd));
		return;
	}
	witness_order_fd(&o, i->s->state.reports_fd);
	witnesses_order(i->witnesses, &o);
}

struct incidents *incidents_new(struct supervisor *s)
{
	struct incidents *i = calloc(1, sizeof *i);

	if (!i)
		return NULL;
	i->s = s;
	i->on_deadline = on_deadline;
	i->witnesses = witnesses_new(s);
	ev_timer_init(&i->save, on_save, SAVE_STEPS_S, 0.);
	ev_timer_init(&i->begin, on_begin, 0., 0.);
	i->save.data = i->begin.data = i;
	if (!i->witnesses) {
		free(i);
		return NULL;
	}
	if (!s->check)
		ev_timer_start(s->loop, &i->begin);
	return i;
}

void incidents_stop(struct incidents *i)
{
	if (!i)
		return;
	i->stopped = true;
	ev_timer_stop(i->s->loop, &i->begin);
	ev_timer_stop(i->s->loop, &i->save);
	witnesses_stop(i->witnesses);
}

void incidents_free(struct incidents *i)
{
	if (!i)
		return;
	incidents_stop(i);
	witnesses_free(i->witnesses);
	while (i->n > 0)
		incident_drop(i, i->n - 1);
	free(i);
}
