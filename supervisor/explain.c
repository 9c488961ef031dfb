/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/explain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "supervisor/control.h"
#include "supervisor/explain_view.h"
#include "supervisor/methods.h"
#include "supervisor/supervisor.h"
#include "supervisor/workers.h"

#define DEADLINE_S 1.
#define TICKET_MS 1500		/* ours comes first and says more */

int explain_alpn(struct explain_question *q, const char *protocols)
{
	while (*protocols) {
		size_t n = strcspn(protocols, ",");
		if (n == 0 || n > 255 || q->alpn_size + 1 + n > sizeof q->alpn)
			return -EINVAL;
		q->alpn[q->alpn_size++] = (uint8_t)n;
		memcpy(q->alpn + q->alpn_size, protocols, n);
		q->alpn_size += n;
		protocols += n + (protocols[n] == ',');
	}
	return 0;
}

struct msg_explain_req explain_message(const struct explain_question *q)
{
	const struct conf_listener *l = q->listener;

	return (struct msg_explain_req){ .sni = q->host, .peer = q->from, .listener = l->name, .backend = l->backend,
		.default_certificate = l->default_certificate, .alpn = { q->alpn, q->alpn_size }, .deadlines = l->deadlines,
		.chain_sources = { q->sources.at, q->sources.n } };
}

static int find(const struct supervisor *s, uint32_t ticket)
{
	for (int i = 0; i < EXPLAIN_MAX; i++)
		if (s->explain.asked[i].ticket == ticket)
			return i;
	return -1;
}

static bool any(const struct supervisor *s)
{
	for (int i = 0; i < EXPLAIN_MAX; i++)
		if (s->explain.asked[i].ticket != 0)
			return true;
	return false;
}

void explain_ask(struct call *call, const struct explain_question *q)
{
	struct supervisor *s = call->s;
	struct msg m = { .type = MSG_EXPLAIN_REQ, .explain_req = explain_message(q) };
	int i = find(s, 0);

	if (!worker_is_served(&s->advisor)) {
		call_fail(call, RPC_FAILED, "the advisor, which would be asked, is %s; try again", child_state_name(s->advisor.state));
		return;
	}
	if (i < 0) {
		call_fail(call, RPC_TOO_MANY_CLIENTS, "too many questions are open; try again");
		return;
	}
	m.id = control_later(call, TICKET_MS);
	if (m.id == 0)
		return;
	control_expect(s->control, m.id, &s->advisor);
	s->explain.asked[i].ticket = m.id;
	snprintf(s->explain.asked[i].host, sizeof s->explain.asked[i].host, "%s", q->host);
	snprintf(s->explain.asked[i].from, sizeof s->explain.asked[i].from, "%s", q->from);
	snprintf(s->explain.asked[i].listener, sizeof s->explain.asked[i].listener, "%s", q->listener->name);
	if (!ev_is_active(&s->explain.deadline)) {
		ev_now_update(s->loop);
		ev_timer_again(s->loop, &s->explain.deadline);
	}
	child_send(&s->advisor, &m, NULL, 0);
}

void explain_on_answer(struct supervisor *s, const struct msg *m)
{
	int i = m->id != 0 ? find(s, m->id) : -1;

	if (i < 0)
		return;
	if (*m->explain_ans.error)
		control_fail(s->control, m->id, RPC_FAILED, "%s", m->explain_ans.error);
	else
		control_answer(s->control, m->id, explain_view(s, &m->explain_ans, s->explain.asked[i].host,
			s->explain.asked[i].from, s->explain.asked[i].listener));
	s->explain.asked[i].ticket = 0;
	if (any(s))
		ev_timer_again(s->loop, &s->explain.deadline);
	else
		ev_timer_stop(s->loop, &s->explain.deadline);
}

static void forget(struct supervisor *s, const char *why)
{
	for (int i = 0; i < EXPLAIN_MAX; i++) {
		uint32_t ticket = s->explain.asked[i].ticket;
		s->explain.asked[i].ticket = 0;
		if (ticket != 0 && why)
			control_fail(s->control, ticket, RPC_TIMED_OUT, "%s", why);
	}
	ev_timer_stop(s->loop, &s->explain.deadline);
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct supervisor *s = w->data;

	(void)loop; (void)revents;
	forget(s, "the advisor did not answer within 1 s, and is replaced; try again");
	child_replace(&s->advisor, "no answer within 1 s");
}

void explain_on_advisor_down(struct supervisor *s)
{
	forget(s, NULL);
}

void explain_init(struct supervisor *s)
{
	ev_init(&s->explain.deadline, on_deadline);
	s->explain.deadline.repeat = DEADLINE_S;
	s->explain.deadline.data = s;
}

void explain_stop(struct supervisor *s)
{
	forget(s, NULL);
}
