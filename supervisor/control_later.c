/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers that come later than the handler returns: tickets, and their deadlines. */
#include <stdarg.h>
#include <stdio.h>

#include "supervisor/control_client.h"
#include "supervisor/methods.h"

static void end(struct control *ctl, struct later *l)
{
	struct client *c = client_find(ctl, l->client);

	ev_timer_stop(ctl->s->loop, &l->deadline);
	json_decref(l->id);
	l->id = NULL;
	l->ticket = 0;
	if (!c)
		return;
	c->later_n--;
	client_again(c);	/* one that sends no more may go now */
}

static struct later *find(const struct control *ctl, uint32_t ticket)
{
	for (int i = 0; ctl && i < CONTROL_LATER_MAX; i++)
		if (ctl->later[i].ticket == ticket && ticket != 0)
			return (struct later *)&ctl->later[i];
	return NULL;
}

static struct later *find_unused(struct control *ctl)
{
	for (int i = 0; i < CONTROL_LATER_MAX; i++)
		if (ctl->later[i].ticket == 0)
			return &ctl->later[i];
	return NULL;
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct later *l = (struct later *)((char *)w - offsetof(struct later, deadline));

	(void)loop; (void)revents;
	control_fail(w->data, l->ticket, RPC_TIMED_OUT,
		"not answered within %u ms; what was asked for may still happen", l->deadline_ms);
}

/* Not one that somebody may still answer. */
static uint32_t new_ticket(struct control *ctl)
{
	do
		ctl->tickets++;
	while (ctl->tickets == 0 || find(ctl, ctl->tickets));
	return ctl->tickets;
}

uint32_t control_later(struct call *call, uint32_t deadline_ms)
{
	struct control *ctl = call->caller->control;
	struct client *c = ctl ? client_find(ctl, call->caller->client) : NULL;
	struct later *l = c && c->later_n < CONTROL_LATER_CLIENT ? find_unused(ctl) : NULL;

	if (!l) {
		call_fail(call, RPC_TOO_MANY_CLIENTS, "too many answers are waited for; try again when some have come");
		return 0;
	}
	c->later_n++;
	l->ticket = new_ticket(ctl);
	l->from = NULL;
	l->client = c->number;
	l->id = call->id ? json_incref(call->id) : NULL;
	l->deadline_ms = deadline_ms;
	ev_now_update(ctl->s->loop);
	ev_timer_set(&l->deadline, deadline_ms / 1e3, 0.);
	ev_timer_start(ctl->s->loop, &l->deadline);
	call->later = true;
	return l->ticket;
}

bool control_waits(const struct control *ctl, uint32_t ticket)
{
	return find(ctl, ticket) != NULL;
}

/* Takes result, or data; result NULL: text, code and data (or NULL) tell of an error. */
static void answer(struct control *ctl, uint32_t ticket, json_t *result, int code, const char *text, json_t *data)
{
	struct later *l = find(ctl, ticket);
	struct client *c = l ? client_find(ctl, l->client) : NULL;

	if (!c || !l->id)
		json_decref(result);
	else if (result)
		client_put(c, rpc_success(l->id, result));
	else
		client_put(c, rpc_error_with(l->id, code, text, json_incref(data)));
	json_decref(data);
	if (l)
		end(ctl, l);
}

void control_answer(struct control *ctl, uint32_t ticket, json_t *result)
{
	answer(ctl, ticket, result, RPC_INTERNAL, "out of memory", NULL);
}

void control_fail(struct control *ctl, uint32_t ticket, int code, const char *format, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	answer(ctl, ticket, NULL, code, text, NULL);
}

void control_fail_with(struct control *ctl, uint32_t ticket, int code, json_t *data, const char *format, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	answer(ctl, ticket, NULL, code, text, data);
}

void control_expect(struct control *ctl, uint32_t ticket, const struct child *from)
{
	struct later *l = find(ctl, ticket);

	if (l)
		l->from = from;
}

bool control_expects(const struct control *ctl, uint32_t ticket, const struct child *from)
{
	const struct later *l = find(ctl, ticket);

	return l && l->from == from;
}

void control_child_down(struct control *ctl, const struct child *child)
{
	for (int i = 0; ctl && i < CONTROL_LATER_MAX; i++)
		if (ctl->later[i].ticket != 0 && ctl->later[i].from == child)
			control_fail(ctl, ctl->later[i].ticket, RPC_FAILED, "the %s ended before it answered: %s",
				role_name(child->role), child->last_death);
}

void later_init(struct control *ctl)
{
	for (int i = 0; i < CONTROL_LATER_MAX; i++) {
		ev_timer_init(&ctl->later[i].deadline, on_deadline, 0., 0.);
		ctl->later[i].deadline.data = ctl;
	}
}

void later_forget(struct control *ctl, uint64_t client)
{
	for (int i = 0; i < CONTROL_LATER_MAX; i++)
		if (ctl->later[i].ticket != 0 && ctl->later[i].client == client)
			end(ctl, &ctl->later[i]);
}

void later_clear(struct control *ctl)
{
	for (int i = 0; i < CONTROL_LATER_MAX; i++)
		if (ctl->later[i].ticket != 0)
			end(ctl, &ctl->later[i]);
}
