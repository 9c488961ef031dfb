/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/policy_round.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/policy_follow.h"
#include "supervisor/supervisor.h"

#define ADVISOR_S 2.		/* for one answer */

static struct child *advisor(const struct policy_round *r) { return &r->s->advisor; }

static void begin(struct policy_round *r);
static void make_next(struct policy_round *r);

static void error(struct policy_round *r, const char *text)
{
	r->errors++;
	r->ops->on_error(r->s, text);
}

static void arm(struct policy_round *r)
{
	ev_now_update(r->s->loop);
	ev_timer_again(r->s->loop, &r->deadline);
}

void policy_round_abort(struct policy_round *r)
{
	r->stage = ROUND_NONE;
	ev_timer_stop(r->s->loop, &r->deadline);
	opener_abort(&r->opener);
	set_maker_abort(&r->maker);
}

static void finish(struct policy_round *r)
{
	unsigned errors = r->errors;
	struct log_line l;

	policy_round_abort(r);
	if (r->next && r->next->folder) {
		log_begin(&l, LOG_LEVEL_INFO, "policy scripts were read");
		log_u64(&l, "generation", r->next->generation);
		log_u64(&l, "scripts", (uint64_t)r->next->scripts_n);
		log_u64(&l, "host_sets", (uint64_t)r->next->sets_n);
		log_u64(&l, "errors", errors);
		log_ms(&l, "took", (ledger_now_ns() - r->begun_ns) / 1000000);
		log_end(&l);
	}
	r->ops->on_prepared(r->s, errors);
}

static void give_up(struct policy_round *r, const char *why)
{
	char text[MSG_PATH_MAX + 256];

	if (r->stage <= ROUND_WAITING)
		return;
	snprintf(text, sizeof text, "policy.scripts: %s: not loaded: %s", r->next->folder, why);
	error(r, text);
	finish(r);
}

/* --- loading --- */

static void load(struct policy_round *r)
{
	if (r->errors > 0) {
		finish(r);
		return;
	}
	r->stage = ROUND_LOADING;
	arm(r);
	policy_data_send(r->next, advisor(r));
}

void policy_round_on_loaded(struct policy_round *r, const struct msg_policy_ans *a)
{
	char text[MSG_TEXT_MAX + MSG_PATH_MAX + 8];

	if (r->stage != ROUND_LOADING || a->generation != r->next->generation)
		return;
	if (*a->error) {
		snprintf(text, sizeof text, "%s/%s", r->next->folder, a->error);
		error(r, text);
	}
	finish(r);
}

/* --- host sets --- */

static void on_folder(void *data, const char *path, int fd)
{
	struct policy_round *r = data;

	policy_follow_watch(r->next, r->making, path, fd);
}

static void on_made(void *data, const char *why, bool later, int fd, uint32_t names)
{
	struct policy_round *r = data;
	struct policy_set *set = &r->next->sets[r->making];

	(void)later;
	if (fd < 0)
		error(r, why);
	set->fd = fd;
	set->names = names;
	r->making++;
	make_next(r);
}

static const struct set_maker_ops maker_ops = { .on_folder = on_folder, .on_made = on_made };

static void make_next(struct policy_round *r)
{
	if (r->making == r->next->sets_n)
		load(r);
	else
		set_maker_begin(&r->maker, r->next->sets[r->making].path);
}

static void make_sets(struct policy_round *r)
{
	ev_timer_stop(r->s->loop, &r->deadline);
	r->stage = ROUND_SETS;
	r->making = 0;
	make_next(r);
}

/* --- scripts --- */

static void add_sets(struct policy_round *r, const struct policy_script *script, struct bytes names)
{
	char text[2 * MSG_PATH_MAX + 128];
	size_t at = 0;

	while (at < names.size) {
		const char *name = (const char *)names.data + at;
		size_t n = strnlen(name, names.size - at);
		if (n == names.size - at)	/* no NUL: not as it was agreed */
			return;
		int rc = policy_data_add_set(r->next, name);
		if (rc < 0) {
			snprintf(text, sizeof text, "%s: host set \"%.200s\": %s", script->path, name,
				rc == -ENOSPC ? "there are more than 64 host sets" : strerror(-rc));
			error(r, text);
		}
		at += n + 1;
	}
}

static void script_error(struct policy_round *r, const struct policy_script *script, const char *what)
{
	char text[MSG_TEXT_MAX + MSG_PATH_MAX + 8];

	policy_script_error(script, script->path, what, text, sizeof text);
	error(r, text);
}

static void settings_errors(struct policy_round *r, const struct policy_script *script, struct bytes wrong)
{
	char text[MSG_PATH_MAX + MSG_TEXT_MAX];
	unsigned before = r->errors;
	struct buf in;

	buf_init_read(&in, wrong.data, wrong.size);
	while (policy_script_wrong(script, &in, text, sizeof text))
		error(r, text);
	if (r->errors == before)
		script_error(r, script, "the advisor's answer is damaged");
}

void policy_round_on_script(struct policy_round *r, const struct msg *m, struct packet *p)
{
	uint32_t i = m->id - r->first_id;

	if (r->stage != ROUND_SCRIPTS || i >= (uint32_t)r->next->scripts_n || r->next->scripts[i].text >= 0)
		return;
	struct policy_script *script = &r->next->scripts[i];
	if (m->script_ans.wrong.size > 0) {
		settings_errors(r, script, m->script_ans.wrong);
	} else if (*m->script_ans.error || p->nfds == 0) {
		script_error(r, script, *m->script_ans.error ? m->script_ans.error : "the advisor sent no text");
	} else {
		script->text = packet_take_fd(p, 0);
		add_sets(r, script, m->script_ans.sets);
	}
	arm(r);
	if (++r->answered == r->next->scripts_n)
		make_sets(r);
}

static void ask_about(struct policy_round *r, int i)
{
	struct policy_script *script = &r->next->scripts[i];
	struct msg_script m = policy_script_message(script);
	struct msg q = { .type = MSG_SCRIPT_REQ, .id = r->first_id + (uint32_t)i, .script_req = { .name = m.name, .path = m.path,
		.settings = m.settings, .budget_us = r->next->budget_us, .memory = r->next->memory } };

	child_send(advisor(r), &q, &script->file, 1);
	close(script->file);
	script->file = -1;
}

static void warn_of_settings(struct policy_round *r)
{
	const struct conf_script *unused;
	char text[2 * MSG_PATH_MAX + 256];
	int at = 0;

	while ((unused = policy_data_unused(r->next, &at))) {
		snprintf(text, sizeof text, "%s: there is no script of that name in %s", unused->place, r->next->folder);
		r->ops->on_warning(r->s, text);
	}
}

static void ask_advisor(struct policy_round *r)
{
	warn_of_settings(r);
	r->stage = ROUND_SCRIPTS;
	r->first_id = r->s->policy_ids + 1;
	r->s->policy_ids += POLICY_SCRIPTS_MAX;
	r->answered = 0;
	arm(r);
	if (r->next->scripts_n == 0)
		make_sets(r);
	/* The advisor may go while it is being asked: the round is over then. */
	for (int i = 0; r->stage == ROUND_SCRIPTS && i < r->next->scripts_n; i++)
		ask_about(r, i);
}

/* --- listing --- */

static void on_file(void *data, uint32_t id, const char *path, uint64_t stamp, const char *why, int fd)
{
	struct policy_round *r = data;
	char text[MSG_PATH_MAX + MSG_TEXT_MAX + 32];
	int rc = 0;

	(void)id; (void)stamp;
	if (r->stage != ROUND_LISTING) {
		if (fd >= 0)
			close(fd);
		return;
	}
	if (fd < 0)
		snprintf(text, sizeof text, "policy.scripts: %s: %s", path, why);
	else if ((rc = policy_data_add_script(r->next, path, fd)) < 0)
		snprintf(text, sizeof text, "policy.scripts: %s: %s", path, rc == -ENOSPC ? "there are more than 64 scripts" : strerror(-rc));
	if (fd < 0 || rc < 0)
		error(r, text);
}

static void on_end(void *data, uint32_t id)
{
	struct policy_round *r = data;

	(void)id;
	if (r->stage != ROUND_LISTING)
		return;
	opener_finish(&r->opener);
	ask_advisor(r);
}

static void on_free(void *data)
{
	struct policy_round *r = data;

	if (r->stage == ROUND_WAITING)
		begin(r);
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

static bool advisor_is_there(const struct policy_round *r)
{
	const struct child *c = advisor(r);

	return child_runs(c) && c->introduced && (c->state == CHILD_STARTING || c->state == CHILD_READY);
}

static void begin(struct policy_round *r)
{
	if (r->stage != ROUND_WAITING || !advisor_is_there(r) || !opener_free(&r->opener))
		return;
	r->stage = ROUND_LISTING;
	opener_ask(&r->opener, OPEN_SCRIPTS, r->next->folder, 0);
}

void policy_round_begin(struct policy_round *r, struct policy_data *data)
{
	r->next = data;
	r->errors = 0;
	r->begun_ns = ledger_now_ns();
	if (!data->folder) {
		finish(r);
		return;
	}
	r->stage = ROUND_WAITING;
	begin(r);
}

/* --- the end --- */

struct policy_data *policy_round_take(struct policy_round *r)
{
	struct policy_data *next = r->next;

	r->next = NULL;
	return next;
}

bool policy_round_drop(struct policy_round *r)
{
	bool prepared = r->stage == ROUND_NONE && r->next && r->next->folder && r->errors == 0;
	bool loaded = r->stage == ROUND_LOADING || prepared;

	policy_round_abort(r);
	policy_data_free(r->next);
	r->next = NULL;
	return loaded;
}

/* --- the advisor --- */

static void on_deadline(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct policy_round *r = w->data;

	ev_timer_stop(loop, w);
	(void)revents;
	child_replace(advisor(r), "no answer within 2 s");
	give_up(r, "the advisor did not answer within 2 s");
}

void policy_round_on_advisor(struct policy_round *r)
{
	begin(r);
}

void policy_round_on_advisor_down(struct policy_round *r)
{
	char text[256];

	snprintf(text, sizeof text, "the advisor ended: %s", advisor(r)->last_death);
	give_up(r, text);
}

void policy_round_init(struct policy_round *r, struct supervisor *s, const struct policy_ops_super *ops)
{
	*r = (struct policy_round){ .s = s, .ops = ops };
	opener_init(&r->opener, s, &opener_ops, r);
	set_maker_init(&r->maker, s, &maker_ops, r);
	ev_init(&r->deadline, on_deadline);
	r->deadline.repeat = ADVISOR_S;
	r->deadline.data = r;
}

void policy_round_clear(struct policy_round *r)
{
	policy_round_drop(r);
	set_maker_clear(&r->maker);
	opener_clear(&r->opener);
}
