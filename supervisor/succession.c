/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/succession.h"

#include <errno.h>
#include <stdio.h>

#include "common/log.h"
#include "supervisor/evidence.h"
#include "supervisor/supervisor.h"
#include "supervisor/workers.h"

static struct succession *of_successor(struct supervisor *s, const struct child *c)
{
	return &s->successions[c->index - 1];
}

static bool has_successor(const struct supervisor *s, const struct child *old)
{
	for (int i = 0; i < s->workers_n; i++)
		if (s->successions[i].old == old)
			return true;
	return false;
}

/* Its own, if it is down; or a vacant one, or a new one. */
static struct child *find_place(struct supervisor *s, struct child *old)
{
	return old->state == CHILD_DOWN ? old : workers_free_place(s);
}

static void say(enum log_level level, const char *text, const struct child *old, const struct child *successor, const char *why)
{
	struct log_line l;

	log_begin(&l, level, text);
	log_u64(&l, "index", old->index);
	log_u64(&l, "successor", successor->index);
	if (why)
		log_str(&l, "why", why);
	log_end(&l);
}

struct child *succession_begin(struct supervisor *s, struct child *old,
	void (*done)(struct supervisor *s, const struct succession_result *r), uint64_t data)
{
	struct child *c = NULL;

	if (s->stopping)
		errno = ESHUTDOWN;
	else if (has_successor(s, old))
		errno = EALREADY;
	else if (!(c = find_place(s, old)))
		errno = ENOSPC;
	if (!c)
		return NULL;
	c->seat = old->seat;
	*of_successor(s, c) = (struct succession){ .old = old, .done = done, .data = data };
	say(LOG_LEVEL_NOTICE, "a worker gets a successor", old, c, NULL);
	child_start(c);
	return c;
}

static void finish(struct supervisor *s, struct child *successor, const char *error)
{
	struct succession end = *of_successor(s, successor);
	struct succession_result r = { .old = end.old, .successor = successor, .error = error, .data = end.data };

	*of_successor(s, successor) = (struct succession){ 0 };
	if (end.done)
		end.done(s, &r);
}

void succession_ready(struct supervisor *s, struct child *successor)
{
	struct child *old = of_successor(s, successor)->old;

	if (!old)
		return;
	say(LOG_LEVEL_NOTICE, old == successor ? "a place is taken again" : "the successor is ready; the old worker drains",
		old, successor, NULL);
	if (old != successor && !evidence_holds(s, old))
		child_drain(old);
	finish(s, successor, NULL);
}

void succession_down(struct supervisor *s, struct child *c)
{
	struct child *old = of_successor(s, c)->old;
	char text[256];

	if (!old)
		return;
	snprintf(text, sizeof text, "the successor did not get ready: %s", c->last_death);
	say(LOG_LEVEL_ERROR, "no successor; all stays as it is", old, c, c->last_death);
	child_stop(c);
	finish(s, c, text);
}
