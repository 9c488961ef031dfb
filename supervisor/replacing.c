/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/replacing.h"

#include <errno.h>
#include <stdio.h>

#include "common/log.h"
#include "plugins/detect/list.h"
#include "supervisor/evidence.h"
#include "supervisor/supervisor.h"
#include "supervisor/watch.h"
#include "supervisor/workers.h"

#define AT_ONCE_SHARE 4		/* a quarter of the workers, one at least */
#define KEEP_MS 60000		/* then the policy is asked again */
#define STILL_NS 2500000000ull	/* every loop turns once a second */
#define TERM_MS 1000		/* from SIGTERM to SIGKILL, as child.c has it */
#define NS_PER_MS 1000000ull

static uint64_t drain_ms(const struct watched *p)
{
	return p->s->conf->deadlines.ms[DEADLINE_DRAIN];
}

static void end_now(struct watched *p)
{
	p->step = STEP_ENDING;
	watch_say(p, LOG_LEVEL_WARNING, "a sick worker that does not turn its loop cannot drain: it is told to end, then killed", TERM_MS);
	watch_event(p, "ending");
	child_stop(p->child);
}

/* Not one that is only kept waiting for a processor: the detectors tell these apart. */
static bool stands_still(const struct watched *p)
{
	struct detect_limits limits = watch_limits(p->s);
	const struct samples *s = &p->samples;
	struct verdict v;

	if (s->n == 0 || s->generation != p->child->generation)
		return false;
	const struct sample *last = &s->list[s->n - 1];
	detect(&limits, s->list, s->n, &v);
	return v.kind == VERDICT_STALL || (v.kind == VERDICT_CPU_SPIN && last->heartbeat_ns + STILL_NS < last->at_ns);
}

/* ---- workers ---- */

static void count_successors(struct watched *p, void *data)
{
	*(int *)data += p->step == STEP_SUCCESSOR;
}

static bool too_many(const struct supervisor *s)
{
	int n = 0, most = s->workers_wanted / AT_ONCE_SHARE;

	watch_each(s, count_successors, &n);
	return n >= (most > 1 ? most : 1);
}

static void wait_until(struct watched *p, const char *why, uint64_t ms)
{
	bool known = p->step == STEP_WAITING;

	p->step = STEP_WAITING;
	p->next_try_ns = ledger_now_ns() + ms * NS_PER_MS;
	if (!known)
		watch_say(p, LOG_LEVEL_NOTICE, why, ms);
}

static uint64_t pause_ms(struct watched *p)
{
	uint64_t lived_ms = (ledger_now_ns() - p->child->started_ns) / NS_PER_MS;

	return backoff_after_death(watch_seat(p->s, p->child), lived_ms);
}

static void on_replaced(struct supervisor *s, const struct succession_result *r)
{
	struct watched *p = watch_of(s, r->old);

	if (!p || p->step != STEP_SUCCESSOR)
		return;		/* it has died meanwhile */
	if (r->error) {
		p->step = STEP_NONE;
		wait_until(p, "a sick worker has no successor yet; the next one comes later", pause_ms(p));
		return;
	}
	p->replaced++;
	replacing_drains(p);
}

static void start_successor(struct watched *p)
{
	uint64_t interval_ms = (uint64_t)(p->s->conf->watch.interval * 1000);
	enum watch_step before = p->step;

	if (too_many(p->s)) {
		wait_until(p, "a sick worker waits until others have their successors", interval_ms);
		return;
	}
	p->step = STEP_SUCCESSOR;
	if (succession_begin(p->s, p->child, on_replaced, 0)) {
		watch_event(p, "replacing");
		return;
	}
	p->step = before;
	wait_until(p, errno == ENOSPC ? "a sick worker waits until others have drained" :
		"a sick worker waits for the successor that somebody else has started", interval_ms);
}

static void replace_worker(struct watched *p)
{
	uint64_t ms = pause_ms(p);

	if (ms > 0)
		wait_until(p, "a sick worker is replaced later, because its place had sick ones before", ms);
	else
		start_successor(p);
}

/* Once the evidence is there: without connections it would be gone at once. */
static void drain_or_end(struct watched *p)
{
	if (!p->evidence)
		return;
	if (stands_still(p)) {
		end_now(p);
		return;
	}
	child_drain(p->child);	/* it may do so already */
	watch_say(p, LOG_LEVEL_NOTICE, "a sick worker drains, and is ended when its time is over", drain_ms(p));
	watch_event(p, "draining");
}

void replacing_drains(struct watched *p)
{
	p->step = STEP_DRAINING;
	if (!*p->incident && !p->evidence)
		evidence_open(p);
	drain_or_end(p);
}

/* ---- the other roles ---- */

static void kill_role(struct watched *p)
{
	char why[320];

	p->step = STEP_ENDING;
	p->replaced++;
	snprintf(why, sizeof why, "%s: %s", verdict_name(p->verdict.kind), p->verdict.numbers);
	child_replace(p->child, why);
}

static void replace_role(struct watched *p)
{
	p->step = STEP_EVIDENCE;
	watch_event(p, "replacing");
	if (p->evidence)
		kill_role(p);
	else
		watch_say(p, LOG_LEVEL_NOTICE, "a sick process is killed as soon as the evidence is there", 0);
}

/* ---- all ---- */

void replacing_begin(struct watched *p)
{
	evidence_open(p);
	if (p->child->role == ROLE_WORKER)
		replace_worker(p);
	else
		replace_role(p);
}

void replacing_keep(struct watched *p)
{
	p->step = STEP_KEPT;
	p->next_try_ns = ledger_now_ns() + KEEP_MS * NS_PER_MS;
	watch_say(p, LOG_LEVEL_NOTICE, "a sick process is kept, as the policy wants; it is asked again later", KEEP_MS);
	watch_event(p, "kept");
}

static bool others_serve(const struct watched *p)
{
	for (int i = 0; i < p->s->workers_n; i++)
		if (&p->s->workers[i] != p->child && p->s->workers[i].state == CHILD_READY)
			return true;
	return false;
}

void replacing_drain_only(struct watched *p)
{
	if (p->child->role != ROLE_WORKER || !others_serve(p)) {
		replacing_begin(p);
		return;
	}
	evidence_open(p);
	replacing_drains(p);
}

void replacing_turn(struct watched *p)
{
	if (p->step == STEP_WAITING && ledger_now_ns() >= p->next_try_ns)
		start_successor(p);
	else if (p->step == STEP_DRAINING && p->evidence && stands_still(p))
		end_now(p);
}

void replacing_evidence(struct watched *p)
{
	if (p->step == STEP_EVIDENCE)
		kill_role(p);
	else if (p->step == STEP_DRAINING)
		drain_or_end(p);
}
