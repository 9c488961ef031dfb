/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/signers.h"

#include <stdio.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/control.h"
#include "supervisor/supervisor.h"
#include "supervisor/workers.h"

#define ANSWER_S 1.
#define ANY_CPU 0xffff

static void forget_question(struct signer *g)
{
	ev_timer_stop(g->s->loop, &g->deadline);
	g->waiting = false;
	if (g->fd >= 0)
		close(g->fd);
	g->fd = -1;
}

/* Without a server it resumes sessions and ends full handshakes at once. */
static void start_worker(struct signer *g)
{
	uint16_t ports[MSG_PORTS_MAX];
	int n = backends_ports(g->s->backends, ports);
	struct msg m = { .type = MSG_START, .start = { .ports = {
		(const uint8_t *)ports, n > 0 ? (size_t)n * sizeof ports[0] : 0 } } };

	if (g->started)
		return;
	g->started = true;
	child_send(g->worker, &m, NULL, 0);
}

static void keeper_failed(struct signer *g, const char *why)
{
	char text[256];

	forget_question(g);
	start_worker(g);
	snprintf(text, sizeof text, "no signing server for worker %u: %s", g->worker->index, why);
	child_replace(&g->s->keeper, text);
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop; (void)revents;
	keeper_failed(w->data, "no answer within 1 s");
}

static void ask(struct signer *g)
{
	int cpu = worker_cpu(g->s, g->worker), fds[2];
	struct msg m = { .type = MSG_SIGNER_REQ, .id = ++g->s->signer_ids,
		.signer_req = { .worker = (uint16_t)g->worker->index, .cpu = cpu < 0 ? ANY_CPU : (uint16_t)cpu } };

	forget_question(g);
	if (channel_pair(fds) < 0) {
		log_error("no channel between worker %u and the keeper: out of descriptors", g->worker->index);
		start_worker(g);
		return;
	}
	g->waiting = true;
	g->id = m.id;
	g->fd = fds[1];
	ev_now_update(g->s->loop);
	ev_timer_set(&g->deadline, ANSWER_S, 0.);
	ev_timer_start(g->s->loop, &g->deadline);
	child_send(&g->s->keeper, &m, &fds[0], 1);
	close(fds[0]);
}

void signer_begin(struct signer *g)
{
	g->started = false;
	g->pid = 0;
	if (g->s->keeper.state == CHILD_READY)
		ask(g);
	else
		start_worker(g);
}

void signer_end(struct signer *g)
{
	forget_question(g);
	g->pid = 0;
}

void signer_down(struct signer *g, uint32_t pid)
{
	struct log_line l;

	/* It may speak of one that has been replaced in the meantime. */
	if (g->waiting || (pid != 0 && pid != g->pid))
		return;
	log_begin(&l, LOG_LEVEL_WARNING, "a worker gets no signatures");
	log_u64(&l, "index", g->worker->index);
	log_u64(&l, "signer", pid);
	log_str(&l, "keeper", child_state_name(g->s->keeper.state));
	log_end(&l);
	g->pid = 0;
	if (g->s->keeper.state == CHILD_READY)
		ask(g);
}

void signers_keeper_ready(struct supervisor *s)
{
	for (int i = 0; i < s->workers_n; i++)
		if (s->signers[i].pid == 0 && !s->signers[i].waiting && worker_is_served(&s->workers[i]))
			ask(&s->signers[i]);
}

void signers_keeper_down(struct supervisor *s)
{
	for (int i = 0; i < s->workers_n; i++) {
		struct signer *g = &s->signers[i];
		g->pid = 0;
		if (!g->waiting)
			continue;
		forget_question(g);
		start_worker(g);
	}
}

static struct signer *by_question(struct supervisor *s, const struct msg *m)
{
	unsigned worker = m->signer_ans.worker;

	if (worker < 1 || worker > (unsigned)s->workers_n)
		return NULL;
	struct signer *g = &s->signers[worker - 1];
	return g->waiting && g->id == m->id ? g : NULL;
}

void signers_on_answer(struct supervisor *s, const struct msg *m)
{
	struct signer *g = by_question(s, m);
	struct msg to = { .type = MSG_SIGNER, .signer = { .pid = m->signer_ans.pid } };

	if (!g)
		return;
	if (*m->signer_ans.error) {
		keeper_failed(g, m->signer_ans.error);
		return;
	}
	g->pid = m->signer_ans.pid;
	control_event(g->s->control, "signer_started", json_pack("{s:I, s:I}", "worker", (json_int_t)g->worker->index,
		"pid", (json_int_t)g->pid));
	child_send(g->worker, &to, &g->fd, 1);
	forget_question(g);
	start_worker(g);
}

void signer_init(struct signer *g, struct supervisor *s, struct child *worker)
{
	*g = (struct signer){ .s = s, .worker = worker, .fd = -1 };
	ev_init(&g->deadline, on_deadline);
	g->deadline.data = g;
}

void signer_clear(struct signer *g)
{
	if (g->s)
		forget_question(g);
}
