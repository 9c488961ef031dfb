/* SPDX-License-Identifier: BSD-2-Clause */
/* What a reload hears of the parts that it prepares, and of the processes that have a share in it. */
#include "supervisor/reload_inside.h"

static bool prepares(const struct supervisor *s)
{
	return s->reload && s->reload->stage == RELOAD_PREPARING;
}

bool reload_on_error(struct supervisor *s, const char *text)
{
	if (prepares(s))
		reload_error(s->reload, "%s", text);
	return prepares(s);
}

bool reload_on_warning(struct supervisor *s, const char *text)
{
	if (prepares(s))
		reload_warning(s->reload, "%s", text);
	return prepares(s);
}

/* One that was ready may be lost again. */
static bool take_part(struct supervisor *s, enum part part, unsigned errors)
{
	if (!prepares(s))
		return s->ready;
	if (errors > 0 && s->reload->parts[part] == PART_READY)
		s->reload->parts[part] = PART_PENDING;
	reload_set_part(s->reload, part, errors == 0);
	return true;
}

bool reload_on_material(struct supervisor *s, unsigned errors)
{
	return take_part(s, PART_MATERIAL, errors);
}

bool reload_on_acme(struct supervisor *s, unsigned errors)
{
	return take_part(s, PART_ACME, errors);
}

bool reload_on_policy(struct supervisor *s, unsigned errors)
{
	return take_part(s, PART_POLICY, errors);
}

void reload_on_resolved(struct supervisor *s, const struct msg_resolve_ans *a)
{
	if (s->reload && s->reload->backends)
		backends_on_answer(s->reload->backends, a);
}

void reload_on_priority(struct supervisor *s, const struct msg *m)
{
	struct reload *r = s->reload;

	if (!prepares(s) || r->priority_id == 0 || m->id != r->priority_id)
		return;
	r->priority_id = 0;
	if (*m->priority_ans.error)
		reload_error_at(r, "tls.priority", "%s", m->priority_ans.error);
	reload_set_part(r, PART_TLS, !*m->priority_ans.error);
}

void reload_on_log_sink(struct supervisor *s, const struct msg *m)
{
	log_file_on_answer(&s->reload->log, m);
	log_file_on_answer(&s->reload->reopen, m);
	reload_wake(s->reload);
}

static void librarian_down(struct reload *r)
{
	if (!prepares(r->s) || r->priority_id == 0)
		return;
	r->priority_id = 0;
	reload_error_at(r, "tls.priority", "the librarian ended while it looked at it: %s", r->s->librarian.last_death);
	reload_set_part(r, PART_TLS, false);
}

void reload_on_child(struct supervisor *s, const struct child *c)
{
	struct reload *r = s->reload;

	if (!r)
		return;
	if (c == &s->logger && !child_runs(c)) {
		log_file_on_logger_down(&r->log);
		log_file_on_logger_down(&r->reopen);
	}
	if (c == &s->librarian && !child_runs(c))
		librarian_down(r);
	reload_wake(r);
}
