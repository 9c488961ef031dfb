/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/policy_follow.h"
#include "supervisor/supervisor.h"
#include "supervisor/workers.h"

#define ADVISOR_S 2.		/* for one answer */

enum stage { STAGE_NONE, STAGE_WAITING, STAGE_LISTING, STAGE_SCRIPTS, STAGE_SETS, STAGE_LOADING };

struct policy_flow {
	struct supervisor *s;
	const struct policy_ops_super *ops;
	struct policy_data *current, *next;
	struct policy_follow follow;
	uint32_t generations;
	bool stopped;

	/* The round. */
	enum stage stage;
	struct opener opener;
	struct set_maker maker;
	ev_timer deadline;		/* of the advisor */
	uint32_t first_id;		/* script i is asked about under this and i */
	int answered, making;
	unsigned errors;
	uint64_t begun_ns;
};

static struct child *advisor(const struct policy_flow *f) { return &f->s->advisor; }

static void begin(struct policy_flow *f);
static void make_next(struct policy_flow *f);

static void error(struct policy_flow *f, const char *text)
{
	f->errors++;
	f->ops->on_error(f->s, text);
}

static void arm(struct policy_flow *f)
{
	ev_now_update(f->s->loop);
	ev_timer_again(f->s->loop, &f->deadline);
}

static void rest(struct policy_flow *f)
{
	f->stage = STAGE_NONE;
	ev_timer_stop(f->s->loop, &f->deadline);
	opener_abort(&f->opener);
	set_maker_abort(&f->maker);
}

static void finish(struct policy_flow *f)
{
	unsigned errors = f->errors;
	struct log_line l;

	rest(f);
	if (f->next && f->next->folder) {
		log_begin(&l, LOG_LEVEL_INFO, "policy scripts were read");
		log_u64(&l, "generation", f->next->generation);
		log_u64(&l, "scripts", (uint64_t)f->next->scripts_n);
		log_u64(&l, "host_sets", (uint64_t)f->next->sets_n);
		log_u64(&l, "errors", errors);
		log_ms(&l, "took", (ledger_now_ns() - f->begun_ns) / 1000000);
		log_end(&l);
	}
	f->ops->on_prepared(f->s, errors);
}

static void give_up(struct policy_flow *f, const char *why)
{
	char text[MSG_PATH_MAX + 256];

	if (f->stage <= STAGE_WAITING)
		return;
	snprintf(text, sizeof text, "policy.scripts: %s: not loaded: %s", f->next->folder, why);
	error(f, text);
	finish(f);
}

/* --- loading --- */

static void load(struct policy_flow *f)
{
	if (f->errors > 0) {
		finish(f);
		return;
	}
	f->stage = STAGE_LOADING;
	arm(f);
	policy_data_send(f->next, advisor(f));
}

static void on_loaded(struct policy_flow *f, const struct msg_policy_ans *a)
{
	char text[MSG_TEXT_MAX + MSG_PATH_MAX + 8];

	if (f->stage != STAGE_LOADING || a->generation != f->next->generation)
		return;
	if (*a->error) {
		snprintf(text, sizeof text, "%s/%s", f->next->folder, a->error);
		error(f, text);
	}
	finish(f);
}

/* --- host sets --- */

static void on_folder(void *data, const char *path, int fd)
{
	struct policy_flow *f = data;

	policy_follow_watch(f->next, f->making, path, fd);
}

static void on_made(void *data, const char *why, bool later, int fd, uint32_t names)
{
	struct policy_flow *f = data;
	struct policy_set *set = &f->next->sets[f->making];

	(void)later;
	if (fd < 0)
		error(f, why);
	set->fd = fd;
	set->names = names;
	f->making++;
	make_next(f);
}

static const struct set_maker_ops maker_ops = { .on_folder = on_folder, .on_made = on_made };

static void make_next(struct policy_flow *f)
{
	if (f->making == f->next->sets_n)
		load(f);
	else
		set_maker_begin(&f->maker, f->next->sets[f->making].path);
}

static void make_sets(struct policy_flow *f)
{
	ev_timer_stop(f->s->loop, &f->deadline);
	f->stage = STAGE_SETS;
	f->making = 0;
	make_next(f);
}

/* --- scripts --- */

static void add_sets(struct policy_flow *f, const struct policy_script *script, struct bytes names)
{
	char text[2 * MSG_PATH_MAX + 128];
	size_t at = 0;

	while (at < names.size) {
		const char *name = (const char *)names.data + at;
		size_t n = strnlen(name, names.size - at);
		if (n == names.size - at)	/* no NUL: not as it was agreed */
			return;
		int rc = policy_data_add_set(f->next, name);
		if (rc < 0) {
			snprintf(text, sizeof text, "%s: host set \"%.200s\": %s", script->path, name,
				rc == -ENOSPC ? "there are more than 64 host sets" : strerror(-rc));
			error(f, text);
		}
		at += n + 1;
	}
}

static void script_error(struct policy_flow *f, const struct policy_script *script, const char *what)
{
	char text[MSG_TEXT_MAX + MSG_PATH_MAX + 8];

	policy_script_error(script, script->path, what, text, sizeof text);
	error(f, text);
}

static void settings_errors(struct policy_flow *f, const struct policy_script *script, struct bytes wrong)
{
	char text[MSG_PATH_MAX + MSG_TEXT_MAX];
	unsigned before = f->errors;
	struct buf in;

	buf_init_read(&in, wrong.data, wrong.size);
	while (policy_script_wrong(script, &in, text, sizeof text))
		error(f, text);
	if (f->errors == before)
		script_error(f, script, "the advisor's answer is damaged");
}

static void on_script_ans(struct policy_flow *f, const struct msg *m, struct packet *p)
{
	uint32_t i = m->id - f->first_id;

	if (f->stage != STAGE_SCRIPTS || i >= (uint32_t)f->next->scripts_n || f->next->scripts[i].text >= 0)
		return;
	struct policy_script *script = &f->next->scripts[i];
	if (m->script_ans.wrong.size > 0) {
		settings_errors(f, script, m->script_ans.wrong);
	} else if (*m->script_ans.error || p->nfds == 0) {
		script_error(f, script, *m->script_ans.error ? m->script_ans.error : "the advisor sent no text");
	} else {
		script->text = packet_take_fd(p, 0);
		add_sets(f, script, m->script_ans.sets);
	}
	arm(f);
	if (++f->answered == f->next->scripts_n)
		make_sets(f);
}

static void ask_about(struct policy_flow *f, int i)
{
	struct policy_script *script = &f->next->scripts[i];
	struct msg_script m = policy_script_message(script);
	struct msg q = { .type = MSG_SCRIPT_REQ, .id = f->first_id + (uint32_t)i, .script_req = { .name = m.name, .path = m.path,
		.settings = m.settings, .budget_us = f->next->budget_us, .memory = f->next->memory } };

	child_send(advisor(f), &q, &script->file, 1);
	close(script->file);
	script->file = -1;
}

static void warn_of_settings(struct policy_flow *f)
{
	const struct conf_script *unused;
	char text[2 * MSG_PATH_MAX + 256];
	int at = 0;

	while ((unused = policy_data_unused(f->next, &at))) {
		snprintf(text, sizeof text, "%s: there is no script of that name in %s", unused->place, f->next->folder);
		f->ops->on_warning(f->s, text);
	}
}

static void ask_advisor(struct policy_flow *f)
{
	warn_of_settings(f);
	f->stage = STAGE_SCRIPTS;
	f->first_id = f->s->policy_ids + 1;
	f->s->policy_ids += POLICY_SCRIPTS_MAX;
	f->answered = 0;
	arm(f);
	if (f->next->scripts_n == 0)
		make_sets(f);
	/* The advisor may go while it is being asked: the round is over then. */
	for (int i = 0; f->stage == STAGE_SCRIPTS && i < f->next->scripts_n; i++)
		ask_about(f, i);
}

/* --- listing --- */

static void on_file(void *data, uint32_t id, const char *path, uint64_t stamp, const char *why, int fd)
{
	struct policy_flow *f = data;
	char text[MSG_PATH_MAX + MSG_TEXT_MAX + 32];
	int rc = 0;

	(void)id; (void)stamp;
	if (f->stage != STAGE_LISTING) {
		if (fd >= 0)
			close(fd);
		return;
	}
	if (fd < 0)
		snprintf(text, sizeof text, "policy.scripts: %s: %s", path, why);
	else if ((rc = policy_data_add_script(f->next, path, fd)) < 0)
		snprintf(text, sizeof text, "policy.scripts: %s: %s", path, rc == -ENOSPC ? "there are more than 64 scripts" : strerror(-rc));
	if (fd < 0 || rc < 0)
		error(f, text);
}

static void on_end(void *data, uint32_t id)
{
	struct policy_flow *f = data;

	(void)id;
	if (f->stage != STAGE_LISTING)
		return;
	opener_finish(&f->opener);
	ask_advisor(f);
}

static void on_free(void *data)
{
	struct policy_flow *f = data;

	if (f->stage == STAGE_WAITING)
		begin(f);
}

static void on_failed(void *data, const char *why)
{
	char text[256];

	snprintf(text, sizeof text, "the opener ended: %s", why);
	give_up(data, text);
}

static const struct opener_ops opener_ops = {
	.on_file = on_file, .on_end = on_end, .on_free = on_free, .on_failed = on_failed,
};

static bool advisor_is_there(const struct policy_flow *f)
{
	const struct child *c = advisor(f);

	return child_runs(c) && c->introduced && (c->state == CHILD_STARTING || c->state == CHILD_READY);
}

static void begin(struct policy_flow *f)
{
	if (f->stage != STAGE_WAITING || !advisor_is_there(f) || !opener_free(&f->opener))
		return;
	f->stage = STAGE_LISTING;
	opener_ask(&f->opener, OPEN_SCRIPTS, f->next->folder, 0);
}

int policy_flow_prepare(struct policy_flow *f, const struct conf *conf)
{
	rest(f);
	policy_data_free(f->next);
	f->next = f->stopped ? NULL : policy_data_new(conf);
	if (!f->next)
		return f->stopped ? -ESHUTDOWN : -ENOMEM;
	f->next->generation = ++f->generations;
	f->errors = 0;
	f->begun_ns = ledger_now_ns();
	if (!f->next->folder) {
		finish(f);
		return 0;
	}
	f->stage = STAGE_WAITING;
	begin(f);
	return 0;
}

/* --- the end of a round --- */

static bool is_empty(const struct policy_data *d)
{
	return !d || !d->folder;
}

static bool can_take(const struct child *c)
{
	return worker_is_served(c) && c->state != CHILD_DRAINING;
}

void policy_flow_commit(struct policy_flow *f)
{
	bool same = is_empty(f->current) && is_empty(f->next);
	struct policy_data *old = f->current;

	if (!f->next)
		return;
	policy_follow_begin(&f->follow, NULL);
	f->current = f->next;
	f->next = NULL;
	policy_data_free(old);
	policy_follow_begin(&f->follow, f->current);
	if (same)
		return;
	/* The advisor has loaded it, but may have been another one since. */
	if (can_take(advisor(f)))
		policy_data_send(f->current, advisor(f));
}

void policy_flow_discard(struct policy_flow *f)
{
	bool loaded = f->stage == STAGE_LOADING || (f->stage == STAGE_NONE && !is_empty(f->next) && f->errors == 0);

	rest(f);
	policy_data_free(f->next);
	f->next = NULL;
	if (loaded && f->current && can_take(advisor(f)))
		policy_data_send(f->current, advisor(f));
}

void policy_flow_send(const struct policy_flow *f, struct child *worker, bool even_none)
{
	if (!is_empty(f->current) || (even_none && f->current))
		policy_data_send(f->current, worker);
}

const struct policy_data *policy_flow_current(const struct policy_flow *f)
{
	return f->current;
}

/* --- from the roles --- */

static void on_deadline(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct policy_flow *f = w->data;

	ev_timer_stop(loop, w);
	(void)revents;
	child_replace(advisor(f), "no answer within 2 s");
	give_up(f, "the advisor did not answer within 2 s");
}

void policy_flow_on_advisor(struct policy_flow *f)
{
	policy_flow_send(f, advisor(f), false);
	begin(f);
}

void policy_flow_on_advisor_down(struct policy_flow *f)
{
	char text[256];

	snprintf(text, sizeof text, "the advisor ended: %s", advisor(f)->last_death);
	give_up(f, text);
}

void policy_flow_on_librarian_down(struct policy_flow *f)
{
	set_maker_on_librarian_down(&f->maker);
	set_maker_on_librarian_down(&f->follow.maker);
}

static void on_set_ans(struct policy_flow *f, const struct msg *m, struct packet *p)
{
	if (!set_maker_on_answer(&f->maker, m, p))
		set_maker_on_answer(&f->follow.maker, m, p);
}

void policy_flow_on_message(struct policy_flow *f, const struct msg *m, struct packet *p)
{
	switch (m->type) {
	case MSG_SCRIPT_ANS: on_script_ans(f, m, p); break;
	case MSG_POLICY_ANS: on_loaded(f, &m->policy_ans); break;
	case MSG_SET_ANS: on_set_ans(f, m, p); break;
	default: break;
	}
}

struct policy_flow *policy_flow_new(struct supervisor *s, const struct policy_ops_super *ops)
{
	struct policy_flow *f = calloc(1, sizeof *f);

	if (!f)
		return NULL;
	f->s = s;
	f->ops = ops;
	opener_init(&f->opener, s, &opener_ops, f);
	set_maker_init(&f->maker, s, &maker_ops, f);
	policy_follow_init(&f->follow, s);
	ev_init(&f->deadline, on_deadline);
	f->deadline.repeat = ADVISOR_S;
	f->deadline.data = f;
	return f;
}

void policy_flow_stop(struct policy_flow *f)
{
	f->stopped = true;
	rest(f);
	policy_follow_begin(&f->follow, NULL);
}

void policy_flow_free(struct policy_flow *f)
{
	if (!f)
		return;
	policy_flow_stop(f);
	policy_follow_clear(&f->follow);
	set_maker_clear(&f->maker);
	opener_clear(&f->opener);
	policy_data_free(f->next);
	policy_data_free(f->current);
	free(f);
}
