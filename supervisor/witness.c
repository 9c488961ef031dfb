/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/memfd.h"
#include "supervisor/supervisor.h"

#define JSON_MAX (4u << 20)

struct slot {
	struct witnesses *pool;
	struct child child;
	struct witness_order order;
	bool busy;			/* its order is not done yet */
	ev_timer deadline;
};

struct witnesses {
	struct supervisor *s;
	struct slot slots[WITNESSES_MAX];
	struct witness_order line[WITNESS_LINE_MAX];
	int line_n;
	bool stopped;
	ev_timer kick;			/* the next of the line, not from within whoever ordered it */
};

static struct slot *slot_of(struct child *c)
{
	return (struct slot *)((char *)c - offsetof(struct slot, child));
}

static void close_fds(struct witness_order *o)
{
	for (int i = 0; i < o->fds_n; i++)
		close(o->fds[i]);
	o->fds_n = 0;
}

static void kick(struct witnesses *w)
{
	if (!ev_is_active(&w->kick) && !w->stopped) {
		ev_timer_set(&w->kick, 0., 0.);
		ev_timer_start(w->s->loop, &w->kick);
	}
}

static void finish(struct slot *sl, const struct witness_result *r)
{
	if (!sl->busy)
		return;
	sl->busy = false;
	ev_timer_stop(sl->pool->s->loop, &sl->deadline);
	close_fds(&sl->order);
	sl->order.done(sl->order.data, r);
}

static void on_message(struct supervisor *s, struct child *c, const struct msg *m, struct packet *p)
{
	struct slot *sl = slot_of(c);

	(void)s;
	if (m->type != MSG_WITNESS_ANS)
		return;
	finish(sl, &(struct witness_result){ .error = m->witness_ans.error, .missing = m->witness_ans.missing,
		.bytes = m->witness_ans.bytes, .fd = p->nfds > 0 ? p->fds[0] : -1, .answered = true });
}

static void on_down(struct supervisor *s, struct child *c)
{
	struct slot *sl = slot_of(c);
	char why[160];

	(void)s;
	snprintf(why, sizeof why, "the witness died: %s", c->last_death);
	finish(sl, &(struct witness_result){ .error = why, .missing = "", .fd = -1 });
	kick(sl->pool);
}

static void on_deadline(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct slot *sl = t->data;
	char why[160];

	(void)loop; (void)revents;
	snprintf(why, sizeof why, "the witness was not done within %u ms", sl->order.deadline_ms);
	/* It may hang in the kernel: the order is over, the slot is not. */
	child_replace(&sl->child, "the witness is late");
	finish(sl, &(struct witness_result){ .error = why, .missing = "", .fd = -1 });
}

static const struct child_ops ops = {
	.role = ROLE_WITNESS, .ready_ms = 10000, .leave_ms = 1000, .on_message = on_message, .on_down = on_down,
};

static struct slot *free_slot(struct witnesses *w)
{
	for (int i = 0; i < WITNESSES_MAX; i++)
		if (!w->slots[i].busy && w->slots[i].child.state == CHILD_DOWN)
			return &w->slots[i];
	return NULL;
}

static void begin(struct slot *sl, const struct witness_order *o)
{
	struct msg m = { .type = MSG_WITNESS_REQ, .witness_req = o->req };
	struct ev_loop *loop = sl->pool->s->loop;

	sl->order = *o;
	sl->busy = true;
	ev_now_update(loop);
	ev_timer_set(&sl->deadline, o->deadline_ms / 1e3, 0.);
	ev_timer_start(loop, &sl->deadline);
	child_start(&sl->child);
	child_send(&sl->child, &m, o->fds, o->fds_n);
}

static void on_kick(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct witnesses *w = t->data;
	struct slot *sl;

	(void)revents;
	ev_timer_stop(loop, t);
	while (w->line_n > 0 && !w->stopped && (sl = free_slot(w))) {
		struct witness_order o = w->line[0];
		memmove(w->line, w->line + 1, (size_t)--w->line_n * sizeof w->line[0]);
		begin(sl, &o);
	}
}

int witnesses_order(struct witnesses *w, const struct witness_order *o)
{
	if (w->stopped || w->line_n == WITNESS_LINE_MAX) {
		struct witness_order lost = *o;
		close_fds(&lost);
		return -EAGAIN;
	}
	w->line[w->line_n++] = *o;
	kick(w);
	return 0;
}

struct witnesses *witnesses_new(struct supervisor *s)
{
	struct witnesses *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->s = s;
	ev_init(&w->kick, on_kick);
	w->kick.data = w;
	for (int i = 0; i < WITNESSES_MAX; i++) {
		struct slot *sl = &w->slots[i];
		sl->pool = w;
		child_init(&sl->child, s, &ops, 0);
		ev_init(&sl->deadline, on_deadline);
		sl->deadline.data = sl;
	}
	return w;
}

void witnesses_stop(struct witnesses *w)
{
	w->stopped = true;
	ev_timer_stop(w->s->loop, &w->kick);
	while (w->line_n > 0)
		close_fds(&w->line[--w->line_n]);
	for (int i = 0; i < WITNESSES_MAX; i++) {
		struct slot *sl = &w->slots[i];
		ev_timer_stop(w->s->loop, &sl->deadline);
		if (sl->busy)
			close_fds(&sl->order);
		sl->busy = false;
		child_stop(&sl->child);
	}
}

void witnesses_free(struct witnesses *w)
{
	if (!w)
		return;
	witnesses_stop(w);
	for (int i = 0; i < WITNESSES_MAX; i++)
		child_clear(&w->slots[i].child);
	free(w);
}

/* ---- what goes to them and comes back ---- */

int witness_put_json(const json_t *v)
{
	char *text = json_dumps(v, JSON_COMPACT);
	size_t size = text ? strlen(text) : 0;
	int fd = text ? memfd_new("incident", size) : -ENOMEM;

	if (fd >= 0 && (memfd_write(fd, 0, text, size) < 0 || memfd_seal_all(fd) < 0)) {
		close(fd);
		fd = -ENOMEM;
	}
	free(text);
	return fd;
}

void witness_order_fd(struct witness_order *o, int fd)
{
	int mine = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;

	if (mine >= 0)
		o->fds[o->fds_n++] = mine;
}

void witness_order_suspect(struct witness_order *o, const struct child *c)
{
	o->req.pid = (uint32_t)c->pid;
	o->req.start = c->proc_start;
	o->req.conns_n = c->ledger.conns_n;
	o->req.ended_n = c->ledger.ended_n;
}

json_t *witness_get_json(int fd)
{
	size_t size;
	const void *text = fd >= 0 ? memfd_map_sealed(fd, JSON_MAX, &size) : NULL;
	json_t *v = text ? json_loadb(text, size, 0, NULL) : NULL;

	if (text)
		munmap((void *)(uintptr_t)text, size);
	return v;
}
