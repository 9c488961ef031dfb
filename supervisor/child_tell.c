/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/child_tell.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "supervisor/control.h"
#include "supervisor/supervisor.h"

static uint64_t ms_since(uint64_t ns)
{
	return (ledger_now_ns() - ns) / 1000000;
}

static void log_child(struct log_line *l, const struct child *c)
{
	log_str(l, "role", role_name(c->role));
	if (c->index > 0)
		log_u64(l, "index", c->index);
	if (c->pid > 0)
		log_u64(l, "child", (uint64_t)c->pid);
}

void child_tell(const struct child *c, const char *event, json_t *fields)
{
	json_t *all = json_pack("{s:s}", "role", role_name(c->role));

	if (c->index > 0)
		json_object_set_new(all, "worker", json_integer(c->index));
	if (c->pid > 0)
		json_object_set_new(all, "pid", json_integer(c->pid));
	json_object_update(all, fields);
	json_decref(fields);
	/* Openers and witnesses come and go, and mean nothing to anybody. */
	if (c->role != ROLE_OPENER && c->role != ROLE_WITNESS)
		control_event(c->super->control, event, all);
	else
		json_decref(all);
}

void child_say(const struct child *c, enum log_level level, const char *text, const char *why)
{
	struct log_line l;

	log_begin(&l, level, text);
	log_child(&l, c);
	if (why)
		log_str(&l, "why", why);
	log_end(&l);
}

void child_describe_death(struct child *c, int status)
{
	c->status = status;
	if (WIFSIGNALED(status))
		snprintf(c->last_death, sizeof c->last_death, "killed by signal %d (%s)%s", WTERMSIG(status),
			strsignal(WTERMSIG(status)), WCOREDUMP(status) ? ", core dumped" : "");
	else
		snprintf(c->last_death, sizeof c->last_death, "exit status %d", WEXITSTATUS(status));
}

static void log_death(struct log_line *l, const struct child *c, uint64_t lived_ms)
{
	log_child(l, c);
	log_str(l, "death", c->last_death);
	if (WIFSIGNALED(c->status))
		log_u64(l, "signal", (uint64_t)WTERMSIG(c->status));
	else
		log_u64(l, "exit", (uint64_t)WEXITSTATUS(c->status));
	log_ms(l, "uptime", lived_ms);
}

void child_count_death(struct child *c)
{
	uint64_t lived_ms = ms_since(c->started_ns);
	struct log_line l;

	c->deaths++;
	c->backoff_ms = backoff_after_death(&c->backoff, lived_ms);
	log_begin(&l, LOG_LEVEL_ERROR, "a process died and will be started again");
	log_death(&l, c, lived_ms);
	log_u64(&l, "deaths", c->deaths);
	log_u64(&l, "next_start_ms", c->backoff_ms);
	l.untapped = true;
	log_end(&l);
	child_tell(c, "process_died", json_pack("{s:s, s:I, s:I, s:I}", "death", c->last_death, "uptime_ms", (json_int_t)lived_ms,
		"deaths", (json_int_t)c->deaths, "next_start_ms", (json_int_t)c->backoff_ms));
}

void child_note_end(struct child *c)
{
	struct log_line l;

	log_begin(&l, c->ops->restart ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "process ended");
	log_death(&l, c, ms_since(c->started_ns));
	log_end(&l);
	child_tell(c, "process_ended", json_pack("{s:s}", "death", c->last_death));
}

void child_say_step(const struct child *c, enum child_state from, enum child_event e)
{
	struct log_line l;

	if (e != CHILD_EV_TIMEOUT || from == CHILD_BACKOFF)
		return;
	log_begin(&l, LOG_LEVEL_WARNING, from == CHILD_STARTING ? "killing a process that does not get ready" :
		from == CHILD_DRAINING ? "stopping a process that has not drained in time" : "killing a process that does not end");
	log_child(&l, c);
	log_ms(&l, "after", ms_since(c->state_since_ns));
	log_end(&l);
}

void child_say_ready(const struct child *c)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, "process is ready");
	log_child(&l, c);
	log_ms(&l, "after", ms_since(c->started_ns));
	log_end(&l);
	child_tell(c, "process_ready", json_pack("{s:I}", "after_ms", (json_int_t)ms_since(c->started_ns)));
}
