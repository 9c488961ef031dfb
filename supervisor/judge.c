/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/judge.h"

#include "common/log.h"
#include "supervisor/policy_data.h"
#include "supervisor/replacing.h"
#include "supervisor/supervisor.h"
#include "supervisor/watch.h"
#include "supervisor/workers.h"

#define NS_PER_MS 1000000ull

static uint64_t ms_between(uint64_t from_ns, uint64_t to_ns) { return to_ns > from_ns ? (to_ns - from_ns) / NS_PER_MS : 0; }

static uint32_t permille(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : part >= whole ? 1000 : (uint32_t)(part * 1000 / whole);
}

static struct msg question(const struct watched *p)
{
	const struct sample *last = &p->samples.list[p->samples.n - 1], *before = p->samples.n > 1 ? last - 1 : last;
	uint64_t interval = last->at_ns - before->at_ns;
	const struct child *c = p->child;

	return (struct msg){ .type = MSG_JUDGE_REQ, .id = p->question, .judge_req = {
		.role = role_name(c->role), .worker = (uint16_t)c->index, .generation = c->generation,
		.uptime_ms = ms_between(c->started_ns, last->at_ns),
		.verdict = verdict_name(p->verdict.kind), .numbers = p->verdict.numbers,
		.since_ms = ms_between(p->verdict.since_ns, last->at_ns),
		.cpu_permille = permille(last->cpu_ns - before->cpu_ns, interval),
		.waited_permille = permille(last->run_delay_ns - before->run_delay_ns, interval),
		.memory_bytes = last->rss_bytes, .fds = last->fds, .fds_known = last->fds_known, .fds_limit = last->fds_limit,
		.heartbeat_ms = ms_between(last->heartbeat_ns, last->at_ns), .connections = last->connections,
		.overdue = last->overdue, .bytes = last->bytes, .handshakes = last->handshakes, .accepts = last->accepts,
		.wakeups = last->wakeups, .spurious = last->spurious, .stopped = last->stopped,
		.waits_for_keeper = last->waits_for_keeper } };
}

void judge_forget(struct watched *p)
{
	ev_timer_stop(p->s->loop, &p->deadline);
	p->question = 0;
}

static void on_deadline(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct watched *p = t->data;

	(void)loop; (void)revents;
	judge_forget(p);
	watch_say(p, LOG_LEVEL_WARNING, "the policy has not said in time what to do with a sick process; it is replaced", 0);
	replacing_begin(p);
}

void judge_init(struct watched *p)
{
	ev_timer_init(&p->deadline, on_deadline, JUDGE_MS / 1e3, 0.);
	p->deadline.data = p;
}

static bool has_scripts(const struct supervisor *s)
{
	const struct policy_data *d = policy_flow_current(s->policy);

	return d && d->scripts_n > 0;
}

bool judge_ask(struct watched *p)
{
	struct supervisor *s = p->s;

	if (!has_scripts(s) || p->child == &s->advisor || s->advisor.state != CHILD_READY)
		return false;
	p->question = ++s->policy_ids;
	p->step = STEP_ASKED;
	struct msg m = question(p);
	if (child_send(&s->advisor, &m, NULL, 0) < 0) {
		judge_forget(p);
		return false;
	}
	ev_now_update(s->loop);
	ev_timer_set(&p->deadline, JUDGE_MS / 1e3, 0.);
	ev_timer_start(s->loop, &p->deadline);
	return true;
}

struct answer { uint32_t id; struct watched *asker; };

static void match(struct watched *p, void *data)
{
	struct answer *a = data;

	if (p->question == a->id)
		a->asker = p;
}

static void obey(struct watched *p, const struct msg_judge_ans *m)
{
	static const char *const words[TREATMENT_COUNT] = { "no opinion", "keep", "drain", "replace" };
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, "the policy was asked about a sick process");
	log_str(&l, "role", role_name(p->child->role));
	log_u64(&l, "child", (uint64_t)p->child->pid);
	log_str(&l, "answer", words[m->treatment]);
	log_str(&l, "where", m->where);
	log_end(&l);
	switch (m->treatment) {
	case TREATMENT_KEEP: replacing_keep(p); break;
	case TREATMENT_DRAIN: replacing_drain_only(p); break;
	default: replacing_begin(p);
	}
}

void judge_on_answer(struct supervisor *s, const struct msg *m)
{
	struct answer a = { .id = m->id };

	if (m->id == 0 || m->judge_ans.treatment >= TREATMENT_COUNT)
		return;
	watch_each(s, match, &a);
	if (!a.asker)
		return;		/* it came too late, or the process is gone */
	judge_forget(a.asker);
	obey(a.asker, &m->judge_ans);
}
