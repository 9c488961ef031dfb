/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/stop.h"

#include <unistd.h>

#include "common/log.h"
#include "supervisor/control.h"
#include "supervisor/listen.h"
#include "supervisor/ready.h"
#include "supervisor/reload.h"
#include "supervisor/reports.h"
#include "supervisor/watch.h"

#define GIVE_UP_S 10.	/* beyond the drain deadline; for processes that not even SIGKILL ends */

enum stage { STAGE_WORKERS, STAGE_ROLES, STAGE_LOGGER, STAGE_OVER };

static bool is_down(const struct child *c)
{
	return !c->super || c->state == CHILD_DOWN;
}

static bool workers_down(const struct supervisor *s)
{
	for (int i = 0; i < s->workers_n; i++)
		if (!is_down(&s->workers[i]))
			return false;
	return true;
}

static void stop_roles(struct supervisor *s)
{
	s->stop_stage = STAGE_ROLES;
	explain_stop(s);
	control_free(s->control);
	s->control = NULL;
	child_stop(&s->keeper);
	child_stop(&s->librarian);
	child_stop(&s->advisor);
	incidents_stop(s->incidents);
}

static void stop_logger(struct supervisor *s)
{
	struct log_line l;

	s->stop_stage = STAGE_LOGGER;
	log_begin(&l, LOG_LEVEL_INFO, "stopped");
	log_u64(&l, "exit", (uint64_t)s->exit_code);
	log_ms(&l, "uptime", (ledger_now_ns() - s->started_ns) / 1000000);
	log_end(&l);
	if (s->log_write < 0)
		return;
	/* The logger reads to the end of the pipe, then ends by itself. */
	log_init(STDERR_FILENO, "tlsward", LOG_LEVEL_ERROR);
	close(s->log_write);
	s->log_write = s->children_stderr = -1;
	child_leave(&s->logger);
}

void stop_advance(struct supervisor *s)
{
	if (!s->stopping)
		return;
	if (s->stop_stage == STAGE_WORKERS && workers_down(s))
		stop_roles(s);
	if (s->stop_stage == STAGE_ROLES && is_down(&s->keeper) && is_down(&s->librarian) && is_down(&s->advisor))
		stop_logger(s);
	if (s->stop_stage == STAGE_LOGGER && is_down(&s->logger)) {
		s->stop_stage = STAGE_OVER;
		ev_break(s->loop, EVBREAK_ALL);
	}
}

static void on_give_up(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)w; (void)revents;
	log_error("some processes do not end; leaving them behind");
	ev_break(loop, EVBREAK_ALL);
}

static void limit_time(struct supervisor *s)
{
	double drain = s->conf->deadlines.ms[DEADLINE_DRAIN] / 1e3;

	ev_timer_init(&s->stop_timer, on_give_up, drain + GIVE_UP_S, 0.);
	ev_timer_start(s->loop, &s->stop_timer);
}

static void first_steps(struct supervisor *s)
{
	s->stopping = true;
	ready_tell_stopping(s->conf->deadlines.ms[DEADLINE_DRAIN] + (uint64_t)(GIVE_UP_S * 1000));
	limit_time(s);
	reload_stop(s);
	listen_close(s->listener_fds, s->listener_fds_n);
	listen_close(s->inherited_fds, s->inherited_n);
	material_stop(s->material);
	backends_stop(s->backends);
	policy_flow_stop(s->policy);
	acme_stop(s->acme);
	watch_stop(s->watch);
	opener_abort(&s->log_opener);
	ev_timer_stop(s->loop, &s->seed_timer);
}

void stop_begin(struct supervisor *s, bool at_once)
{
	if (!s->stopping)
		first_steps(s);
	for (int i = 0; i < s->workers_n; i++) {
		if (at_once)
			child_stop(&s->workers[i]);
		else
			child_drain(&s->workers[i]);
	}
	stop_advance(s);
}
