/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The workers in a reload: those that can obey it in place are sent it whole
 * and acknowledge it; for the others successors are started. The reload is
 * answered when no worker serves by the configuration before.
 */
#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "supervisor/reload_inside.h"
#include "supervisor/workers.h"

static struct worker_sync *sync_of(const struct reload *r, const struct child *c)
{
	return &r->s->syncs[c->index - 1];
}

/* Started with less than the configuration in force asks for. */
static bool is_outdated(const struct reload *r, const struct child *c)
{
	return c->introduced && (c->state == CHILD_STARTING || c->state == CHILD_READY) &&
		sync_of(r, c)->conf < r->s->workers_generation;
}

/* --- places --- */

bool reload_has_places(const struct reload *r, int *draining)
{
	const struct supervisor *s = r->s;
	int needed = workers_wanted(r->conf) - s->workers_wanted, room = WORKERS_MAX - s->workers_n;

	*draining = 0;
	if (needed < 0)
		needed = 0;
	for (int i = 0; i < s->workers_n; i++) {
		const struct child *c = &s->workers[i];
		room += worker_is_vacant(s, c);
		*draining += c->state == CHILD_DRAINING || c->state == CHILD_STOPPING;
		needed += r->effect == CONF_NEW_WORKERS && (c->state == CHILD_STARTING || c->state == CHILD_READY);
	}
	return needed <= room;
}

/* --- what a worker is sent --- */

static bool listeners_changed(const struct reload *r)
{
	return conf_changes_has(&r->changes, "listeners") || conf_changes_has(&r->changes, "timeouts");
}

/* It answers when it has obeyed this and all before it. */
static void send_commit(struct reload *r, struct child *c)
{
	struct msg m = { .type = MSG_COMMIT, .id = ++r->s->sync_ids, .commit = { .generation = r->s->generation } };

	sync_of(r, c)->asked = m.id;
	child_send(c, &m, NULL, 0);
}

static void send_update(struct reload *r, struct child *c, bool whole)
{
	struct msg m = { .type = MSG_UPDATE, .update = { .generation = r->s->generation } };
	struct supervisor *s = r->s;

	child_send(c, &m, NULL, 0);
	if (whole && r->changes.n > 0)
		workers_send_settings(s, c);
	if (whole && !r->same_backends)
		workers_send_backends(s, c);
	if (whole && listeners_changed(r))
		workers_send_listener_updates(s, c);
	material_send_catalog(s->material, c);
	if (whole && r->policy)
		policy_flow_send(s->policy, c, true);
	send_commit(r, c);
}

/* After it was told to drain: the answer says that it takes no more connections. */
static void ask_after_drain(struct reload *r, struct child *c)
{
	struct msg m = { .type = MSG_UPDATE, .update = { .generation = r->s->generation } };

	if (!worker_is_served(c))
		return;
	child_send(c, &m, NULL, 0);
	send_commit(r, c);
}

/* --- successors --- */

static void on_renewed(struct supervisor *s, const struct succession_result *result)
{
	struct reload *r = s->reload;

	if (!result->error) {
		if (result->old != result->successor)
			ask_after_drain(r, result->old);
		reload_wake(r);
		return;
	}
	if (r->stage == RELOAD_COMMITTING)
		reload_warning(r, "worker %u goes on with the configuration before: %s", result->old->index, result->error);
	ev_timer_stop(s->loop, &r->retry);
	ev_timer_start(s->loop, &r->retry);
	reload_wake(r);
}

static void renew(struct reload *r, struct child *c)
{
	if (succession_begin(r->s, c, on_renewed, 0) || errno == EALREADY)
		return;
	if (r->stage == RELOAD_COMMITTING)
		reload_warning(r, "worker %u goes on with the configuration before: %s", c->index, strerror(errno));
	ev_timer_start(r->s->loop, &r->retry);
}

void reload_renew(struct reload *r)
{
	int n = r->s->workers_n;

	/* Successors take places behind the last one. */
	for (int i = 0; i < n; i++)
		if (is_outdated(r, &r->s->workers[i]))
			renew(r, &r->s->workers[i]);
}

/* --- how many --- */

static void start_more(struct reload *r, int before)
{
	struct supervisor *s = r->s;

	for (int seat = before + 1; seat <= s->workers_wanted; seat++) {
		struct child *c = workers_free_place(s);
		if (!c) {
			reload_warning(r, "there is no room for worker %d of %d", seat, s->workers_wanted);
			return;
		}
		c->seat = (uint32_t)seat;
		child_start(c);
	}
}

static void drain_surplus(struct reload *r)
{
	struct supervisor *s = r->s;

	for (int i = 0; i < s->workers_n; i++) {
		struct child *c = &s->workers[i];
		if (c->seat <= (uint32_t)s->workers_wanted || !worker_serves(c))
			continue;
		child_drain(c);
		ask_after_drain(r, c);
	}
}

/* --- the reload --- */

void reload_tell_workers(struct reload *r, int wanted_before)
{
	struct supervisor *s = r->s;
	int n = s->workers_n;

	if (r->effect == CONF_NEW_WORKERS)
		s->workers_generation = s->generation;
	for (int i = 0; i < n; i++) {
		struct child *c = &s->workers[i];
		if (worker_is_served(c))
			send_update(r, c, sync_of(r, c)->conf >= s->workers_generation);
	}
	if (worker_is_served(&s->advisor))
		material_send_catalog(s->material, &s->advisor);
	drain_surplus(r);
	reload_renew(r);
	start_more(r, wanted_before);
}

/* Something that was asked for has not come yet. */
static bool is_awaited(const struct reload *r, const struct child *c)
{
	const struct worker_sync *sync = sync_of(r, c);
	bool starts = c->state == CHILD_STARTING && (!c->introduced || sync->conf == r->s->generation);
	bool outdated = is_outdated(r, c) && !ev_is_active(&r->retry);	/* else it has been told of */

	return child_runs(c) && c->state != CHILD_STOPPING && (sync->asked != sync->answered || starts || outdated);
}

bool reload_is_settled(const struct reload *r)
{
	for (int i = 0; i < r->s->workers_n; i++)
		if (is_awaited(r, &r->s->workers[i]))
			return false;
	return true;
}

void reload_name_late(struct reload *r)
{
	struct supervisor *s = r->s;
	int n = s->workers_n;

	for (int i = 0; i < n; i++) {
		struct child *c = &s->workers[i];
		if (!is_awaited(r, c))
			continue;
		reload_warning(r, "worker %u has not answered in time%s", c->index, worker_serves(c) ? "; it gets a successor" : "");
		if (c->state == CHILD_READY && !is_outdated(r, c))
			renew(r, c);
	}
}

void reload_on_committed(struct supervisor *s, struct child *c, const struct msg *m)
{
	struct worker_sync *sync = sync_of(s->reload, c);

	if (m->id != sync->asked)
		return;
	sync->answered = sync->asked;
	if (*m->committed.error) {
		reload_warning(s->reload, "worker %u does not take the reload and gets a successor: %s", c->index, m->committed.error);
		renew(s->reload, c);
	}
	reload_wake(s->reload);
}
