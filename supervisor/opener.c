/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/opener.h"

#include <stddef.h>

#include "common/log.h"
#include "supervisor/supervisor.h"

#define DEADLINE_S 10.		/* without an answer while questions are open */

static struct opener *opener_of(struct child *c)
{
	return (struct opener *)((char *)c - offsetof(struct opener, child));
}

static void watch(struct opener *o)
{
	if (o->asked > 0 && !o->child.paused)
		ev_timer_again(o->child.super->loop, &o->deadline);
	else
		ev_timer_stop(o->child.super->loop, &o->deadline);
}

static void on_introduced(struct supervisor *s, struct child *c)
{
	struct opener *o = opener_of(c);

	(void)s;
	o->ops->on_free(o->data);
}

static void on_message(struct supervisor *s, struct child *c, const struct msg *m, struct packet *p)
{
	struct opener *o = opener_of(c);
	const struct msg_open_ans *a = &m->open_ans;

	(void)s;
	if (o->asked == 0 || (m->type != MSG_OPEN_ANS && m->type != MSG_OPEN_KNOWN && m->type != MSG_OPEN_GONE && m->type != MSG_OPEN_END)) {
		child_replace(c, "an answer without a question");
		return;
	}
	if (m->type == MSG_OPEN_END)
		o->asked--;
	watch(o);
	if (m->type == MSG_OPEN_ANS)
		o->ops->on_file(o->data, m->id, a->path, a->stamp, a->error, packet_take_fd(p, 0));
	else if (m->type == MSG_OPEN_KNOWN && o->ops->on_known)
		o->ops->on_known(o->data, m->id, m->open_known.numbers, p->fds, p->nfds);
	else if (m->type == MSG_OPEN_GONE && o->ops->on_gone)
		o->ops->on_gone(o->data, m->id, m->open_gone.numbers);
	if (m->type != MSG_OPEN_END)
		return;
	o->ops->on_end(o->data, m->id);
	o->ops->on_free(o->data);
}

static void on_down(struct supervisor *s, struct child *c)
{
	struct opener *o = opener_of(c);
	int asked = o->asked;

	(void)s;
	o->asked = 0;
	watch(o);
	if (asked > 0)
		o->ops->on_failed(o->data, c->last_death);
	else
		o->ops->on_free(o->data);
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct opener *o = w->data;

	(void)revents;
	ev_timer_stop(loop, w);
	child_replace(&o->child, "no answer within 10 s; a file system may hang");
}

static const struct child_ops ops = {
	.role = ROLE_OPENER, .ready_ms = 10000, .leave_ms = 1000,
	.on_introduced = on_introduced, .on_message = on_message, .on_down = on_down,
};

void opener_init(struct opener *o, struct supervisor *s, const struct opener_ops *use, void *data)
{
	*o = (struct opener){ .ops = use, .data = data };
	child_init(&o->child, s, &ops, 0);
	ev_init(&o->deadline, on_deadline);
	o->deadline.repeat = DEADLINE_S;
	o->deadline.data = o;
}

void opener_clear(struct opener *o)
{
	if (!o->child.super)
		return;
	ev_timer_stop(o->child.super->loop, &o->deadline);
	child_clear(&o->child);
}

bool opener_free(const struct opener *o)
{
	enum child_state st = o->child.state;

	return o->asked < OPENER_WINDOW && (st == CHILD_DOWN || st == CHILD_STARTING || st == CHILD_READY);
}

void opener_ask(struct opener *o, enum open_kind kind, const char *path, uint32_t id)
{
	opener_ask_group(o, kind, 0, false, path, id);
}

static void start(struct opener *o)
{
	if (o->child.state == CHILD_DOWN)
		child_start(&o->child);
}

void opener_ask_group(struct opener *o, enum open_kind kind, uint32_t group, bool with_known, const char *path, uint32_t id)
{
	struct msg m = { .type = MSG_OPEN_REQ, .id = id,
		.open_req = { .kind = (uint8_t)kind, .group = group, .with_known = with_known, .path = path } };

	/* Counted first: should it die of this, the question was asked. */
	o->asked++;
	start(o);
	watch(o);
	child_send(&o->child, &m, NULL, 0);
}

void opener_tell_known(struct opener *o, int copy)
{
	struct msg m = { .type = MSG_KNOWN };

	start(o);
	child_send(&o->child, &m, &copy, 1);
}

void opener_pause(struct opener *o, bool paused)
{
	if (o->child.paused == paused)
		return;
	child_pause(&o->child, paused);
	watch(o);
}

void opener_finish(struct opener *o)
{
	if (o->asked == 0)
		child_leave(&o->child);
}

void opener_abort(struct opener *o)
{
	o->asked = 0;
	watch(o);
	child_leave(&o->child);
}
