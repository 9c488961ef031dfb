/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/roles.h"

#include <string.h>
#include <unistd.h>

#include "supervisor/explain.h"
#include "supervisor/supervisor.h"

/* --- logger --- */

static int log_pipe(struct supervisor *s, struct child *c)
{
	(void)c;
	return s->log_read;
}

static void send_sink(struct supervisor *s, struct child *c)
{
	const char *to = s->conf->log.to;
	struct msg m = { .type = MSG_LOG_SINK, .log_sink = { .json = s->conf->log.format == CONF_LOG_JSON } };
	int fd = -1;

	if (strcmp(to, "syslog") == 0) {
		m.log_sink.to = LOG_SINK_SYSLOG;
	} else if (strcmp(to, "journal") == 0) {
		m.log_sink.to = LOG_SINK_JOURNAL;
	} else {
		m.log_sink.to = s->log_file >= 0 ? LOG_SINK_FILE : LOG_SINK_STDERR;
		fd = s->log_file >= 0 ? s->log_file : STDERR_FILENO;
	}
	child_send(c, &m, &fd, fd >= 0);
}

const struct child_ops logger_ops = {
	.role = ROLE_LOGGER, .restart = true, .ready_ms = 10000, .leave_ms = 2000,
	.extra_fd = log_pipe, .on_introduced = send_sink, .on_down = supervisor_role_down,
};

/* --- keeper --- */

static void on_material_introduced(struct supervisor *s, struct child *c)
{
	(void)c;
	material_on_introduced(s->material);
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
	else
		material_on_message(s->material, m, p);
}

static void keeper_down(struct supervisor *s, struct child *c)
{
	signers_keeper_down(s);
	material_on_down(s->material);
	material_need_keys(s->material);
	supervisor_role_down(s, c);
}

const struct child_ops keeper_ops = {
	.role = ROLE_KEEPER, .many_fds = true, .restart = true, .ready_ms = 10000, .leave_ms = 1000,
	.on_introduced = on_material_introduced, .on_ready = keeper_ready,
	.on_message = keeper_message, .on_flushed = on_material_flushed, .on_down = keeper_down,
};

/* --- librarian --- */

static void librarian_introduced(struct supervisor *s, struct child *c)
{
	if (!s->check)
		backends_start(s->backends);
	on_material_introduced(s, c);
}

static void librarian_message(struct supervisor *s, struct child *c, const struct msg *m, struct packet *p)
{
	(void)c;
	if (m->type == MSG_RESOLVE_ANS)
		backends_on_answer(s->backends, &m->resolve_ans);
	else if (m->type == MSG_SET_ANS)
		policy_flow_on_message(s->policy, m, p);
	else
		material_on_message(s->material, m, p);
}

static void librarian_down(struct supervisor *s, struct child *c)
{
	material_on_down(s->material);
	material_need_all(s->material);
	policy_flow_on_librarian_down(s->policy);
	supervisor_role_down(s, c);
}

const struct child_ops librarian_ops = {
	.role = ROLE_LIBRARIAN, .many_fds = true, .restart = true, .ready_ms = 60000, .leave_ms = 1000,
	.on_introduced = librarian_introduced, .on_message = librarian_message,
	.on_flushed = on_material_flushed, .on_down = librarian_down,
};

/* --- advisor --- */

static void advisor_introduced(struct supervisor *s, struct child *c)
{
	material_send_catalog(s->material, c);
	policy_flow_on_advisor(s->policy);
}

static void advisor_message(struct supervisor *s, struct child *c, const struct msg *m, struct packet *p)
{
	(void)c;
	if (m->type == MSG_EXPLAIN_ANS)
		explain_on_answer(s, m);
	else
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
