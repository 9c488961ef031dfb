/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/policy_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/supervisor.h"

#define LIBRARIAN_S 60.		/* it may be busy with certificates */

static void rest(struct set_maker *m)
{
	ev_timer_stop(m->s->loop, &m->deadline);
	m->busy = m->waiting = false;
	m->id = 0;
	free(m->path);
	m->path = NULL;
	if (m->file >= 0)
		close(m->file);
	m->file = -1;
}

/* what may begin with "line N: ". */
static void fail(struct set_maker *m, const char *what, bool later)
{
	char text[MSG_PATH_MAX + MSG_TEXT_MAX + 32];
	unsigned line;
	int n = 0;

	if (sscanf(what, "line %u: %n", &line, &n) == 1 && n > 0)
		snprintf(text, sizeof text, "%s:%u: %s", m->path, line, what + n);
	else
		snprintf(text, sizeof text, "%s: %s", m->path, what);
	rest(m);
	m->ops->on_made(m->data, text, later, -1, 0);
}

static void ask_librarian(struct set_maker *m)
{
	struct msg q = { .type = MSG_SET_REQ, .set_req = { .path = m->path } };
	struct child *librarian = &m->s->librarian;

	q.id = m->id = ++m->s->policy_ids;
	ev_now_update(m->s->loop);
	ev_timer_set(&m->deadline, LIBRARIAN_S, 0.);
	ev_timer_start(m->s->loop, &m->deadline);
	if (child_send(librarian, &q, &m->file, 1) < 0 && m->id != 0)
		fail(m, "the librarian is not there to read it", true);
}

static void ask_opener(struct set_maker *m, bool folder)
{
	m->folder = folder;
	m->waiting = !opener_free(&m->opener);
	if (m->waiting)
		return;
	opener_ask(&m->opener, folder ? OPEN_FOLDER : OPEN_SET, m->path, 0);
}

static void on_file(void *data, uint32_t id, const char *path, uint64_t stamp, const char *error, int fd)
{
	struct set_maker *m = data;

	(void)id; (void)stamp;
	if (!m->busy) {
		if (fd >= 0)
			close(fd);
	} else if (fd < 0) {
		char text[MSG_TEXT_MAX + 64];
		snprintf(text, sizeof text, "%s%s", m->folder ? "its folder " : "", error);
		opener_abort(&m->opener);
		fail(m, text, false);
	} else if (m->folder) {
		m->ops->on_folder(m->data, path, fd);
		close(fd);
	} else {
		m->file = fd;
	}
}

static void on_end(void *data, uint32_t id)
{
	struct set_maker *m = data;

	(void)id;
	if (!m->busy)
		return;
	if (m->folder) {
		ask_opener(m, false);
		return;
	}
	opener_finish(&m->opener);
	if (m->file >= 0)
		ask_librarian(m);
	else
		fail(m, "the opener sent no descriptor", true);
}

/* An opener that could not be asked before is there again. */
static void on_free(void *data)
{
	struct set_maker *m = data;

	if (m->waiting)
		ask_opener(m, m->folder);
}

static void on_failed(void *data, const char *why)
{
	struct set_maker *m = data;
	char text[256];

	if (!m->busy)
		return;
	snprintf(text, sizeof text, "could not be opened: the opener ended: %s", why);
	fail(m, text, true);
}

static const struct opener_ops opener_ops = {
	.on_file = on_file, .on_end = on_end, .on_free = on_free, .on_failed = on_failed,
};

static void on_deadline(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop; (void)revents;
	fail(w->data, "the librarian did not read it within 60 s", true);
}

bool set_maker_on_answer(struct set_maker *m, const struct msg *msg, struct packet *p)
{
	const struct msg_set_ans *a = &msg->set_ans;

	if (m->id == 0 || msg->id != m->id)
		return false;
	if (*a->error || p->nfds == 0) {
		fail(m, *a->error ? a->error : "the librarian made no set of it", false);
		return true;
	}
	rest(m);
	m->ops->on_made(m->data, "", false, packet_take_fd(p, 0), a->names);
	return true;
}

void set_maker_on_librarian_down(struct set_maker *m)
{
	if (m->id != 0)
		fail(m, "the librarian ended while it read it", true);
}

void set_maker_begin(struct set_maker *m, const char *path)
{
	m->busy = true;
	m->path = strdup(path);
	if (!m->path) {
		rest(m);
		m->ops->on_made(m->data, "out of memory", true, -1, 0);
		return;
	}
	ask_opener(m, true);
}

void set_maker_init(struct set_maker *m, struct supervisor *s, const struct set_maker_ops *ops, void *data)
{
	*m = (struct set_maker){ .s = s, .ops = ops, .data = data, .file = -1 };
	opener_init(&m->opener, s, &opener_ops, m);
	ev_init(&m->deadline, on_deadline);
	m->deadline.data = m;
}

void set_maker_abort(struct set_maker *m)
{
	opener_abort(&m->opener);
	rest(m);
}

void set_maker_clear(struct set_maker *m)
{
	if (!m->s)
		return;
	set_maker_abort(m);
	opener_clear(&m->opener);
}
