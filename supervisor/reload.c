/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/reload_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "supervisor/ready.h"
#include "supervisor/workers.h"

#define PREPARE_S 30.		/* for everything together */
#define ANSWERS_S 3.		/* for workers to take it */
#define SUCCESSORS_S 12.	/* for new workers to get ready, who have 10 s */
#define RETRY_S 5.

static void refuse(struct reload *r);

/* --- the stages --- */

void reload_wake(struct reload *r)
{
	if (r->stage == RELOAD_IDLE && !r->again)
		return;
	ev_timer_stop(r->s->loop, &r->turn);
	ev_timer_set(&r->turn, 0., 0.);
	ev_timer_start(r->s->loop, &r->turn);
}

static void set_deadline(struct reload *r, double seconds)
{
	ev_now_update(r->s->loop);
	ev_timer_stop(r->s->loop, &r->deadline);
	ev_timer_set(&r->deadline, seconds, 0.);
	ev_timer_start(r->s->loop, &r->deadline);
}

void reload_set_part(struct reload *r, enum part part, bool ready)
{
	if (r->stage != RELOAD_PREPARING || r->parts[part] != PART_PENDING)
		return;
	r->parts[part] = ready ? PART_READY : PART_FAILED;
	reload_wake(r);
}

static int parts_in(const struct reload *r, enum part_state state)
{
	int n = 0;

	for (int i = 0; i < PART_COUNT; i++)
		n += r->parts[i] == state;
	return n;
}

/* What only a restart can change is refused, setting by setting. */
static void check_effects(struct reload *r)
{
	for (int i = 0; i < r->changes.n; i++) {
		const struct conf_change *c = &r->changes.list[i];
		char line[16] = "";
		if (c->effect != CONF_RESTART)
			continue;
		if (c->where.line > 0)
			snprintf(line, sizeof line, ":%u", c->where.line);
		reload_error(r, "%s%s: %s: a change from \"%s\" to \"%s\" needs a restart", c->where.file, line, c->path,
			c->old ? c->old : "", c->new ? c->new : "");
	}
}

static void check_places(struct reload *r)
{
	int draining;

	if (!reload_has_places(r, &draining))
		reload_error(r, "there is no room for new workers: %d of before still drain (tlswardctl workers shows them)", draining);
}

static void on_conf_error(void *data, const char *text)
{
	reload_error(data, "%s", text);
}

static void read_conf(struct reload *r)
{
	r->conf = conf_read(r->s->conf_path, on_conf_error, r);
	if (!r->conf)
		return;
	if (conf_compare(r->s->conf, r->conf, &r->changes) < 0)
		reload_error(r, "out of memory");
	r->effect = conf_changes_effect(&r->changes);
	check_effects(r);
}

static void prepare(struct reload *r)
{
	read_conf(r);
	if (r->errors_n > 0) {
		refuse(r);
		return;
	}
	for (int i = 0; i < PART_COUNT; i++)
		r->parts[i] = PART_PENDING;
	set_deadline(r, PREPARE_S);
	for (int i = 0; i < PART_COUNT; i++)
		reload_parts[i].prepare(r);
	check_places(r);
	reload_wake(r);
}

static void rest(struct reload *r)
{
	struct ev_loop *loop = r->s->loop;

	ev_timer_stop(loop, &r->deadline);
	conf_changes_clear(&r->changes);
	json_decref(r->errors);
	json_decref(r->warnings);
	r->errors = r->warnings = NULL;
	r->errors_n = 0;
	r->ticket = 0;
	r->stage = RELOAD_IDLE;
	reload_wake(r);
}

static void discard(struct reload *r)
{
	for (int i = 0; i < PART_COUNT && r->conf; i++)
		reload_parts[i].discard(r);
	conf_free(r->conf);
	r->conf = NULL;
}

static void tell_manager(const struct reload *r)
{
	char status[128];

	snprintf(status, sizeof status, "serving %u names with %d workers", r->s->names, r->s->workers_wanted);
	ready_tell_reloaded(status);
}

/* Everything stays as it was. */
static void refuse(struct reload *r)
{
	discard(r);
	reload_answer(r, false);
	tell_manager(r);
	rest(r);
}

static void commit(struct reload *r)
{
	struct supervisor *s = r->s;
	struct conf *old = s->conf;
	int wanted = s->workers_wanted;
	bool reopens = r->reopen.busy;	/* what the old configuration names */

	r->stage = RELOAD_COMMITTING;
	reload_count(s, &r->before);
	s->conf = r->conf;
	s->generation++;
	s->workers_wanted = workers_wanted(s->conf);
	for (int i = 0; i < PART_COUNT; i++)
		reload_parts[i].commit(r);
	set_deadline(r, r->effect == CONF_NEW_WORKERS ? SUCCESSORS_S : ANSWERS_S);
	reload_tell_workers(r, wanted);
	r->conf = NULL;
	log_file_drop(&r->reopen);
	conf_free(old);
	if (reopens)
		reload_log_file(s);
	reload_wake(r);
}

static void finish(struct reload *r)
{
	material_settle(r->s->material);
	reload_answer(r, true);
	tell_manager(r);
	rest(r);
}

static void go_on(struct reload *r)
{
	if (r->stage == RELOAD_PREPARING && parts_in(r, PART_PENDING) == 0) {
		if (parts_in(r, PART_FAILED) > 0 || r->errors_n > 0)
			refuse(r);
		else
			commit(r);
	} else if (r->stage == RELOAD_COMMITTING && reload_is_settled(r) && log_file_is_used(&r->log)) {
		finish(r);
	} else if (r->stage == RELOAD_IDLE && r->again) {
		r->again = false;
		reload_begin(r->s, "SIGHUP", 0);
	}
}

static void on_turn(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop; (void)revents;
	go_on(w->data);
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct reload *r = w->data;

	(void)loop; (void)revents;
	if (r->stage == RELOAD_PREPARING) {
		for (int i = 0; i < PART_COUNT; i++)
			if (r->parts[i] == PART_PENDING)
				reload_error(r, "%s: not prepared within %g s", reload_parts[i].name, PREPARE_S);
		refuse(r);
	} else if (r->stage == RELOAD_COMMITTING) {
		reload_name_late(r);
		finish(r);
	}
}

static void on_retry(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop; (void)revents;
	reload_renew(w->data);
}

/* --- from outside --- */

int reload_begin(struct supervisor *s, const char *by, uint32_t ticket)
{
	struct reload *r = s->reload;

	if (s->stopping)
		return -ESHUTDOWN;
	if (!s->ready)
		return -EAGAIN;
	if (r->stage != RELOAD_IDLE)
		return -EALREADY;
	r->stage = RELOAD_PREPARING;
	r->by = by;
	r->ticket = ticket;
	r->begun_ns = ledger_now_ns();
	r->errors = json_array();
	r->warnings = json_array();
	ready_tell_reloading();
	log_info("reload: %s is read again, asked by %s", s->conf_path, by);
	prepare(r);
	return 0;
}

void reload_hangup(struct supervisor *s)
{
	if (reload_begin(s, "SIGHUP", 0) == 0)
		return;
	log_notice("SIGHUP: %s", s->stopping ? "tlsward is stopping, there is no reload" :
		s->ready ? "a reload is under way; another follows" : "a reload follows when the start is over");
	s->reload->again = !s->stopping;
}

void reload_started(struct supervisor *s)
{
	reload_wake(s->reload);
}

void reload_stop(struct supervisor *s)
{
	struct reload *r = s->reload;

	if (!r)
		return;
	r->again = false;
	ev_timer_stop(s->loop, &r->retry);
	log_file_drop(&r->reopen);
	if (r->stage == RELOAD_PREPARING) {
		reload_error(r, "tlsward is stopping");
		discard(r);
		reload_answer(r, false);
		rest(r);
	} else if (r->stage == RELOAD_COMMITTING) {
		reload_answer(r, true);
		rest(r);
	}
}

/* --- SIGUSR1 --- */

static void on_log_tried(struct log_file *f, const char *error)
{
	struct reload *r = f->s->reload;

	if (*error)
		reload_error_at(r, "log.to", "%s %s", f->to, error);
	reload_set_part(r, PART_LOG, !*error);
}

static void on_reopened(struct log_file *f, const char *error)
{
	if (*error)
		log_error("log.to: %s %s; the one before is kept", f->to, error);
	else
		log_file_use(f);
}

void reload_log_file(struct supervisor *s)
{
	struct log_file *f = &s->reload->reopen;

	if (*s->conf->log.to != '/' || !s->ready || s->stopping) {
		log_info("SIGUSR1: there is no log file to open again");
		return;
	}
	log_file_try(f, s->conf);
}

struct reload *reload_new(struct supervisor *s)
{
	struct reload *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->s = s;
	ev_init(&r->turn, on_turn);
	ev_init(&r->deadline, on_deadline);
	ev_timer_init(&r->retry, on_retry, RETRY_S, 0.);
	r->turn.data = r->deadline.data = r->retry.data = r;
	log_file_init(&r->log, s, on_log_tried);
	log_file_init(&r->reopen, s, on_reopened);
	return r;
}

void reload_free(struct reload *r)
{
	if (!r)
		return;
	reload_stop(r->s);
	ev_timer_stop(r->s->loop, &r->turn);
	log_file_clear(&r->log);
	log_file_clear(&r->reopen);
	free(r);
}
