/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/roles.h"

#include "supervisor/control.h"
#include "supervisor/explain.h"
#include "supervisor/fetches.h"
#include "supervisor/staples.h"
#include "supervisor/judge.h"
#include "supervisor/log_file.h"
#include "supervisor/reload.h"
#include "supervisor/supervisor.h"
#include "supervisor/view.h"

/* --- logger --- */

static int log_pipe(struct supervisor *s, struct child *c)
{
	(void)c;
	return s->log_read;
}

static void logger_message(struct supervisor *s, struct child *c, const struct msg *m, struct packet *p)
{
	(void)c; (void)p;
	if (m->type == MSG_LOG_SINK_ANS)
		reload_on_log_sink(s, m);
}

static void logger_down(struct supervisor *s, struct child *c)
{
	reload_on_child(s, c);
	supervisor_role_down(s, c);
}

const struct child_ops logger_ops = {
	.role = ROLE_LOGGER, .restart = true, .ready_ms = 10000, .leave_ms = 2000,
	.extra_fd = log_pipe, .on_introduced = log_file_send, .on_message = logger_message, .on_down = logger_down,
};

/* --- keeper --- */

static void keeper_introduced(struct supervisor *s, struct child *c)
{
	acme_introduce(s->acme, c);
	material_on_keeper(s->material);
}

static void on_material_flushed(struct supervisor *s, struct child *c)
{
	(void)c;
	material_on_flushed(s->material);
}

static void keeper_ready(struct supervisor *s, struct child *c)
{
	(void)c;
	material_on_keys_ready(s->material);
	signers_keeper_ready(s);
}

static void keeper_message(struct supervisor *s, struct child *c, const struct msg *m, struct packet *p)
{
	if (m->type == MSG_READY)
		keeper_ready(s, c);
	else if (m->type == MSG_SIGNER_ANS)
		signers_on_answer(s, m);
	else if (!acme_on_message(s->acme, c, m, p))
		material_on_message(s->material, m, p);
}

static void keeper_down(struct supervisor *s, struct child *c)
{
	signers_keeper_down(s);
	material_on_down(s->material, c);
	acme_on_down(s->acme, c);
	material_need_keys(s->material);
	supervisor_role_down(s, c);
}

const struct child_ops keeper_ops = {
	.role = ROLE_KEEPER, .many_fds = true, .restart = true, .ready_ms = 10000, .leave_ms = 1000,
	.on_introduced = keeper_introduced, .on_ready = keeper_ready,
	.on_message = keeper_message, .on_flushed = on_material_flushed, .on_down = keeper_down,
};

/* --- librarian --- */

/* A check changes nothing and asks nobody. */
static int cache_directory(struct supervisor *s, struct child *c)
{
	(void)c;
	return s->check ? -1 : s->state.cache;
}

static void librarian_introduced(struct supervisor *s, struct child *c)
{
	if (!s->check) {
		child_send(c, &(struct msg){ .type = MSG_CACHE }, NULL, 0);
		backends_start(s->backends);
		acme_introduce(s->acme, c);
	}
	material_on_librarian(s->material, !s->check);
}

static void on_resolved(struct supervisor *s, const struct msg_resolve_ans *a)
{
	backends_on_answer(s->backends, a);
	reload_on_resolved(s, a);
}

/* Who follows events is told of each failure once. */
static void on_fetch_state(struct supervisor *s, const struct msg_fetch_state *m)
{
	const struct fetch_row *row = fetches_find(&s->fetches, m->url);
	uint32_t before = row ? row->failures : 0;

	if (m->failures > before && !m->running)
		control_event(s->control, "fetch_failed", json_pack("{s:o, s:o, s:I, s:o}", "url", view_text(m->url),
			"error", view_text(m->error), "failures", (json_int_t)m->failures, "next", view_u64(m->next)));
	fetches_on_state(&s->fetches, m);
}

static void on_set_made(struct supervisor *s, const struct msg *m, struct packet *p)
{
	if (!acme_on_set_ans(s->acme, m, p))
		policy_flow_on_message(s->policy, m, p);
}

static void librarian_message(struct supervisor *s, struct child *c, const struct msg *m, struct packet *p)
{
	if (m->type == MSG_RESOLVE_ANS)
		on_resolved(s, &m->resolve_ans);
	else if (m->type == MSG_PRIORITY_ANS)
		reload_on_priority(s, m);
	else if (m->type == MSG_SET_ANS)
		on_set_made(s, m, p);
	else if (m->type == MSG_FETCH_STATE)
		on_fetch_state(s, &m->fetch_state);
	else if (m->type == MSG_STAPLE_STATE)
		staples_on_state(&s->staples, &m->staple_state, s->control);
	else if (!acme_on_message(s->acme, c, m, p))
		material_on_message(s->material, m, p);
}

static void librarian_down(struct supervisor *s, struct child *c)
{
	material_on_down(s->material, c);
	policy_flow_on_librarian_down(s->policy);
	acme_on_down(s->acme, c);
	fetches_clear(&s->fetches);
	staples_clear(&s->staples);
	reload_on_child(s, c);
	supervisor_role_down(s, c);
}

const struct child_ops librarian_ops = {
	.role = ROLE_LIBRARIAN, .many_fds = true, .restart = true, .ready_ms = 60000, .leave_ms = 1000,
	.extra_fd = cache_directory, .on_introduced = librarian_introduced, .on_message = librarian_message,
	.on_flushed = on_material_flushed, .on_down = librarian_down,
};

/* --- advisor --- */

static void advisor_introduced(struct supervisor *s, struct child *c)
{
	material_send_catalog(s->material, c);
	acme_introduce(s->acme, c);
	policy_flow_on_advisor(s->policy);
}

static void advisor_message(struct supervisor *s, struct child *c, const struct msg *m, struct packet *p)
{
	if (m->type == MSG_EXPLAIN_ANS)
		explain_on_answer(s, m);
	else if (m->type == MSG_JUDGE_ANS)
		judge_on_answer(s, m);
	else if (!acme_on_message(s->acme, c, m, p))
		policy_flow_on_message(s->policy, m, p);
}

static void advisor_down(struct supervisor *s, struct child *c)
{
	explain_on_advisor_down(s);
	policy_flow_on_advisor_down(s->policy);
	supervisor_role_down(s, c);
}

const struct child_ops advisor_ops = {
	.role = ROLE_ADVISOR, .restart = true, .ready_ms = 10000, .leave_ms = 1000,
	.on_introduced = advisor_introduced, .on_message = advisor_message, .on_down = advisor_down,
};
