/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An order's questions: does the policy allow the name (the advisor), the file
 * of its key (the opener), the request that is signed with it (the keeper);
 * and its challenge: made by the keeper, and with all workers before the CA
 * is told to look.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/names.h"
#include "supervisor/acme_inside.h"
#include "supervisor/workers.h"

#define WANTS_WAITING_MAX 32	/* packets for the librarian, beyond which a client's wish is dropped */
#define PATIENCE_S 2.		/* with workers that do not take a challenge */

/* ---- questions ---- */

static struct question *question_by_id(struct acme *a, uint32_t id, enum msg_type answer)
{
	for (int i = 0; i < QUESTIONS_MAX; i++)
		if (a->questions[i].id != 0 && a->questions[i].id == id && a->questions[i].waits_for == answer)
			return &a->questions[i];
	return NULL;
}

/* One whose answer never came makes room: the librarian has given it up long ago. */
static struct question *new_question(struct acme *a)
{
	struct question *oldest = &a->questions[0];

	for (int i = 0; i < QUESTIONS_MAX; i++) {
		if (a->questions[i].id == 0)
			return &a->questions[i];
		if ((int32_t)(a->questions[i].id - oldest->id) < 0)
			oldest = &a->questions[i];
	}
	return oldest;
}

static void answer(struct acme *a, struct question *q, struct msg_order_ans *ans)
{
	struct msg m = { .type = MSG_ORDER_ANS, .id = q->order, .order_ans = *ans };

	m.order_ans.name = q->name;
	child_send(&a->s->librarian, &m, NULL, 0);
	*q = (struct question){ .id = 0 };
}

static void __attribute__((format(printf, 3, 4))) fail(struct acme *a, struct question *q, const char *format, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	answer(a, q, &(struct msg_order_ans){ .error = text });
}

static void on_order_req(struct acme *a, const struct msg *m)
{
	struct question *q = new_question(a);
	struct msg ask = { .type = MSG_ALLOW_REQ };
	char name[NAME_BYTES];

	*q = (struct question){ .id = ++a->s->policy_ids, .order = m->id, .waits_for = MSG_ALLOW_ANS };
	snprintf(q->name, sizeof q->name, "%s", m->order_req.name);
	/* It becomes the name of a file. */
	if (!name_normalize(q->name, strlen(q->name), false, name) || strcmp(name, m->order_req.name) != 0 || !acme_is_listed(a, name)) {
		fail(a, q, "the configuration does not list the name");
		return;
	}
	ask.id = q->id;
	ask.allow_req.name = q->name;
	if (!worker_is_served(&a->s->advisor) || child_send(&a->s->advisor, &ask, NULL, 0) < 0)
		fail(a, q, "the advisor, which would be asked whether the name is allowed, is not there");
}

static void on_allow_ans(struct acme *a, const struct msg *m)
{
	struct question *q = question_by_id(a, m->id, MSG_ALLOW_ANS);
	char path[MSG_PATH_MAX];

	if (!q)
		return;
	if (!m->allow_ans.allowed) {
		fail(a, q, "the policy does not allow the name (%.150s)", m->allow_ans.where);
		return;
	}
	if (!opener_free(&a->opener)) {
		fail(a, q, "the file of its key cannot be opened now");
		return;
	}
	snprintf(path, sizeof path, "%s/" STATE_KEYS "/%s.key", a->s->conf->state_directory, q->name);
	q->waits_for = MSG_OPEN_ANS;
	opener_ask(&a->opener, OPEN_KEY, path, q->id);
}

static void on_key_file(void *data, uint32_t id, const char *path, uint64_t stamp, const char *error, int fd)
{
	struct acme *a = data;
	struct question *q = question_by_id(a, id, MSG_OPEN_ANS);
	struct msg m = { .type = MSG_CSR_REQ, .id = id };

	(void)path; (void)stamp;
	if (q && fd < 0) {
		fail(a, q, "the file of its private key %s", error);
	} else if (q) {
		q->waits_for = MSG_CSR_ANS;
		m.csr_req.name = q->name;
		if (child_send(&a->s->keeper, &m, &fd, 1) < 0)
			fail(a, q, "the keeper is not there");
	}
	if (fd >= 0)
		close(fd);
}

static void on_csr_ans(struct acme *a, const struct msg *m)
{
	struct question *q = question_by_id(a, m->id, MSG_CSR_ANS);

	if (q)
		answer(a, q, &(struct msg_order_ans){ .error = m->csr_ans.error, .key_id = m->csr_ans.key_id, .csr = m->csr_ans.csr });
}

/* ---- the opener ---- */

static void on_end(void *data, uint32_t id)
{
	struct acme *a = data;

	(void)id;
	if (a->opener.asked == 0)
		opener_finish(&a->opener);
}

static void on_free(void *data)
{
	(void)data;
}

static void on_failed(void *data, const char *why)
{
	struct acme *a = data;

	for (int i = 0; i < QUESTIONS_MAX; i++)
		if (a->questions[i].id != 0 && a->questions[i].waits_for == MSG_OPEN_ANS)
			fail(a, &a->questions[i], "the file of its private key could not be opened: the opener ended: %s", why);
}

static const struct opener_ops opener_ops = {
	.on_file = on_key_file, .on_end = on_end, .on_free = on_free, .on_failed = on_failed,
};

/* ---- challenges ---- */

void acme_send_challenges(struct acme *a, struct child *worker)
{
	struct msg m = { .type = MSG_CHALLENGES, .challenges = { .generation = a->generation } };

	child_send(worker, &m, &a->challenges, a->challenges >= 0);
}

static bool is_awaited(const struct acme *a, const struct child *worker)
{
	return worker->state == CHILD_READY && a->acknowledged[worker->index - 1] != a->generation;
}

void acme_look_at_challenges(struct acme *a)
{
	struct msg m = { .type = MSG_CHALLENGES_ANS, .challenges_ans = { .generation = a->generation } };

	if (!a->awaited)
		return;
	for (int i = 0; i < a->s->workers_n && ev_is_active(&a->patience); i++)
		if (is_awaited(a, &a->s->workers[i]))
			return;
	a->awaited = false;
	ev_timer_stop(a->s->loop, &a->patience);
	child_send(&a->s->librarian, &m, NULL, 0);
}

static void on_challenges(struct acme *a, const struct msg *m, struct packet *p)
{
	if (a->challenges >= 0)
		close(a->challenges);
	a->challenges = p->nfds ? packet_take_fd(p, 0) : -1;
	a->generation = m->challenges.generation;
	for (int i = 0; i < a->s->workers_n; i++)
		if (worker_is_served(&a->s->workers[i]))
			acme_send_challenges(a, &a->s->workers[i]);
	a->awaited = true;
	ev_now_update(a->s->loop);
	ev_timer_stop(a->s->loop, &a->patience);
	ev_timer_set(&a->patience, PATIENCE_S, 0.);
	ev_timer_start(a->s->loop, &a->patience);
	acme_look_at_challenges(a);
}

static void on_challenges_ans(struct acme *a, const struct child *worker, const struct msg *m)
{
	a->acknowledged[worker->index - 1] = m->challenges_ans.generation;
	acme_look_at_challenges(a);
}

static void on_patience(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop; (void)revents;
	log_warning("not all workers have taken a challenge within %g s; the CA is told to look all the same", PATIENCE_S);
	acme_look_at_challenges(w->data);
}

/* ---- messages ---- */

/* Clients are behind it: whatever they do, the librarian is not flooded. */
static void on_wanted(struct acme *a, const struct msg *m)
{
	struct child *librarian = &a->s->librarian;

	if (worker_is_served(librarian) && channel_pending(&librarian->channel) < WANTS_WAITING_MAX)
		child_send(librarian, m, NULL, 0);
}

static void on_ordered(struct acme *a, const struct msg *m, struct packet *p)
{
	material_set_ordered(a->s->material, &m->ordered, p->nfds ? packet_take_fd(p, 0) : -1);
	acme_on_served(a);
}

/* What may come is known by the sender: msg.c has looked at that. */
bool acme_on_message(struct acme *a, struct child *c, const struct msg *m, struct packet *p)
{
	switch (m->type) {
	case MSG_ORDER_REQ: on_order_req(a, m); break;
	case MSG_ALLOW_ANS: on_allow_ans(a, m); break;
	case MSG_CSR_ANS: on_csr_ans(a, m); break;
	case MSG_CHALLENGE_REQ: child_send(&a->s->keeper, m, NULL, 0); break;
	case MSG_CHALLENGE_ANS: child_send(&a->s->librarian, m, NULL, 0); break;
	case MSG_CHALLENGES: on_challenges(a, m, p); break;
	case MSG_CHALLENGES_ANS: on_challenges_ans(a, c, m); break;
	case MSG_WANTED: on_wanted(a, m); break;
	case MSG_ORDERED: on_ordered(a, m, p); break;
	case MSG_OWN_KEY_ANS: acme_on_own_key(a, m); break;
	default: return false;
	}
	return true;
}

void acme_orders_init(struct acme *a)
{
	a->challenges = -1;
	opener_init(&a->opener, a->s, &opener_ops, a);
	ev_init(&a->patience, on_patience);
	a->patience.data = a;
}

void acme_orders_clear(struct acme *a)
{
	ev_timer_stop(a->s->loop, &a->patience);
	opener_clear(&a->opener);
	if (a->challenges >= 0)
		close(a->challenges);
}
