/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/watch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "common/log.h"
#include "plugins/detect/crash.h"
#include "plugins/detect/list.h"
#include "supervisor/control.h"
#include "supervisor/evidence.h"
#include "supervisor/judge.h"
#include "supervisor/replacing.h"
#include "supervisor/supervisor.h"
#include "supervisor/view.h"

#define ROLES 4

struct watch {
	struct supervisor *s;
	ev_timer tick;
	struct watched roles[ROLES], workers[WORKERS_MAX];
	struct backoff seats[WORKERS_MAX + 1];	/* how long a seat's next replacement waits */
};

const char *watch_step_name(enum watch_step step)
{
	static const char *const names[] = {
#define X(id, name, text) [id] = name,
		WATCH_STEPS(X)
#undef X
	};

	return step < STEP_COUNT ? names[step] : "unknown";
}

/* ---- telling ---- */

static uint64_t since_ms(uint64_t ns)
{
	uint64_t now = ledger_now_ns();

	return now > ns ? (now - ns) / 1000000 : 0;
}

void watch_say(struct watched *p, int level, const char *text, uint64_t delay_ms)
{
	const struct child *c = p->child;
	struct log_line l;

	log_begin(&l, (enum log_level)level, text);
	log_str(&l, "role", role_name(c->role));
	if (c->index > 0)
		log_u64(&l, "index", c->index);
	log_u64(&l, "child", (uint64_t)c->pid);
	log_u64(&l, "generation", c->generation);
	log_str(&l, "verdict", verdict_name(p->verdict.kind));
	log_ms(&l, "since", since_ms(p->verdict.since_ns));
	log_str(&l, "numbers", p->verdict.numbers);
	if (delay_ms > 0)
		log_ms(&l, "delay", delay_ms);
	if (*p->incident)
		log_str(&l, "incident", p->incident);
	l.untapped = true;	/* followers of events get events */
	log_end(&l);
	evidence_step(p, text);
}

void watch_event(const struct watched *p, const char *name)
{
	const struct child *c = p->child;
	json_t *fields = json_pack("{s:s, s:I, s:s, s:s, s:s, s:o}", "role", role_name(c->role), "pid", (json_int_t)c->pid,
		"verdict", verdict_name(p->verdict.kind), "numbers", p->verdict.numbers, "step", watch_step_name(p->step),
		"since_ms", view_u64(since_ms(p->verdict.since_ns)));

	if (c->index > 0)
		json_object_set_new(fields, "worker", json_integer(c->index));
	if (*p->incident)
		json_object_set_new(fields, "incident", json_string(p->incident));
	control_event(p->s->control, name, fields);
}

/* ---- who is watched ---- */

static struct child *role_child(struct supervisor *s, int i)
{
	struct child *const roles[ROLES] = { &s->keeper, &s->librarian, &s->advisor, &s->logger };

	return roles[i];
}

struct watched *watch_of(const struct supervisor *s, const struct child *c)
{
	if (!s || !s->watch)
		return NULL;
	if (c->role == ROLE_WORKER)
		return &s->watch->workers[c->index - 1];
	for (int i = 0; i < ROLES; i++)
		if (s->watch->roles[i].child == c)
			return &s->watch->roles[i];
	return NULL;
}

void watch_each(const struct supervisor *s, void (*each)(struct watched *p, void *data), void *data)
{
	for (int i = 0; i < ROLES && s->watch; i++)
		each(&s->watch->roles[i], data);
	for (int i = 0; i < s->workers_n && s->watch; i++)
		each(&s->watch->workers[i], data);
}

struct backoff *watch_seat(struct supervisor *s, const struct child *worker)
{
	return &s->watch->seats[worker->seat <= WORKERS_MAX ? worker->seat : 0];
}

struct detect_limits watch_limits(const struct supervisor *s)
{
	const struct conf *conf = s->conf;

	return (struct detect_limits){ .interval_s = conf->watch.interval,
		.fd_leak_above = (uint64_t)conf->watch.fd_leak.above, .fd_leak_for_s = conf->watch.fd_leak.for_s,
		.cpu_spin_share = conf->watch.cpu_spin.share, .cpu_spin_for_s = conf->watch.cpu_spin.for_s,
		.stall_after_s = conf->watch.stall.after, .memory_limit_bytes = (uint64_t)conf->watch.memory.limit_mb << 20 };
}

/* ---- judging ---- */

void watch_forget(struct watched *p)
{
	judge_forget(p);
	p->verdict = (struct verdict){ .kind = VERDICT_NONE };
	p->step = STEP_NONE;
	p->incident[0] = '\0';
	p->evidence = false;
}

static void recovered(struct watched *p)
{
	watch_say(p, LOG_LEVEL_NOTICE, "a process that was sick is well again", 0);
	watch_event(p, "recovered");
	watch_forget(p);
}

static void found(struct watched *p, const struct verdict *v)
{
	p->verdict = *v;
	p->found_ns = ledger_now_ns();
	p->generation = p->child->generation;
	p->verdicts[v->kind]++;
	watch_say(p, LOG_LEVEL_WARNING, "a process is sick", 0);
	watch_event(p, "sick");
	if (p->child->state == CHILD_DRAINING)
		replacing_drains(p);	/* it goes anyway */
	else if (!judge_ask(p))
		replacing_begin(p);
}

static void look_again(struct watched *p, const struct verdict *v)
{
	bool may_recover = p->step == STEP_KEPT || p->step == STEP_WAITING;

	if (may_recover && p->child->state == CHILD_DRAINING)
		replacing_drains(p);	/* an operator was faster */
	else if (may_recover && v->kind == VERDICT_NONE)
		recovered(p);
	else if (p->step == STEP_KEPT && (v->kind != p->verdict.kind || ledger_now_ns() >= p->next_try_ns))
		found(p, v);
	else
		replacing_turn(p);
}

/* The logger may wait for whoever takes its lines; another logger would wait as long. */
static bool may_wait(const struct child *c, const struct sample *last, const struct verdict *v)
{
	return v->kind == VERDICT_STALL && c->role == ROLE_LOGGER && last->doing == DOING_WRITE && !last->stopped;
}

static void judge(struct watched *p)
{
	const struct samples *s = &p->samples;
	struct detect_limits limits = watch_limits(p->s);
	struct verdict v;

	if (s->n == 0 || s->generation != p->child->generation || (p->child->state != CHILD_READY && p->child->state != CHILD_DRAINING))
		return;
	detect(&limits, s->list, s->n, &v);
	if (may_wait(p->child, &s->list[s->n - 1], &v))
		v.kind = VERDICT_NONE;
	if (p->step != STEP_NONE)
		look_again(p, &v);
	else if (v.kind != VERDICT_NONE)
		found(p, &v);
}

static void look(struct watched *p, void *data)
{
	(void)data;
	if (!p->child->super || p->child->pid == 0)
		return;
	if (samples_take(&p->samples, p->child, p->s->conf->watch.interval) < 0)
		return;		/* no memory: later, perhaps */
	judge(p);
}

static void on_tick(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct watch *w = t->data;

	(void)revents;
	watch_each(w->s, look, NULL);
	if (t->repeat != w->s->conf->watch.interval) {
		t->repeat = w->s->conf->watch.interval;
		ev_timer_again(loop, t);
	}
}

/* ---- deaths ---- */

/* Nobody reports of one that ended when and how it was told to. */
static bool is_crash(const struct child *c, bool asked)
{
	bool told = asked && (!WIFSIGNALED(c->status) || WTERMSIG(c->status) == SIGTERM || WTERMSIG(c->status) == SIGKILL);

	return !told && !c->super->stopping;
}

static void died(struct watched *p)
{
	const struct child *c = p->child;
	uint64_t now = ledger_now_ns();

	crash_verdict(c->status, now, (now - c->started_ns) / 1000000, c->killed_why, &p->verdict);
	p->found_ns = now;
	p->verdicts[VERDICT_CRASH]++;
	evidence_open(p);
	watch_say(p, LOG_LEVEL_WARNING, "a process has crashed", c->backoff_ms);
	watch_event(p, "sick");
	watch_forget(p);
}

void watch_on_end(struct supervisor *s, struct child *c, bool asked)
{
	struct watched *p = watch_of(s, c);

	if (!p || c->pid == 0)
		return;
	if (p->step != STEP_NONE) {
		watch_say(p, LOG_LEVEL_NOTICE, "a sick process is gone", 0);
		watch_event(p, "gone");
		watch_forget(p);
	} else if (is_crash(c, asked)) {
		died(p);
	}
}

/* ---- life ---- */

static void init_watched(struct watched *p, struct supervisor *s, struct child *c)
{
	*p = (struct watched){ .s = s, .child = c };
	judge_init(p);
}

struct watch *watch_new(struct supervisor *s)
{
	struct watch *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->s = s;
	for (int i = 0; i < ROLES; i++)
		init_watched(&w->roles[i], s, role_child(s, i));
	for (int i = 0; i < WORKERS_MAX; i++)
		init_watched(&w->workers[i], s, &s->workers[i]);
	ev_timer_init(&w->tick, on_tick, s->conf->watch.interval, s->conf->watch.interval);
	w->tick.data = w;
	ev_timer_start(s->loop, &w->tick);
	return w;
}

void watch_stop(struct watch *w)
{
	if (!w)
		return;
	ev_timer_stop(w->s->loop, &w->tick);
	for (int i = 0; i < ROLES; i++)
		judge_forget(&w->roles[i]);
	for (int i = 0; i < WORKERS_MAX; i++)
		judge_forget(&w->workers[i]);
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	watch_stop(w);
	for (int i = 0; i < ROLES; i++)
		samples_clear(&w->roles[i].samples);
	for (int i = 0; i < WORKERS_MAX; i++)
		samples_clear(&w->workers[i].samples);
	free(w);
}
