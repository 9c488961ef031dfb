/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/child_tell.h"
#include "supervisor/control.h"
#include "supervisor/faults.h"
#include "supervisor/spawn.h"
#include "supervisor/state.h"
#include "supervisor/supervisor.h"
#include "supervisor/watch.h"

#define MANY_FDS_BYTES CHANNEL_PACKET_MAX	/* of packets on their way; the kernel doubles it, so that one of these fits */
#define TERM_MS 1000		/* from SIGTERM to SIGKILL */
#define PACKETS_PER_TURN 64
#define DRAIN_GRACE_MS 1000

static void happen(struct child *c, enum child_event e);

/* --- messages --- */

static void watch_writing(struct child *c)
{
	if (channel_pending(&c->channel) > 0)
		ev_io_start(c->super->loop, &c->writing);
	else
		ev_io_stop(c->super->loop, &c->writing);
}

static void close_channel(struct child *c)
{
	ev_io_stop(c->super->loop, &c->reading);
	ev_io_stop(c->super->loop, &c->writing);
	channel_clear(&c->channel);
}

static void broke(struct child *c, const char *why)
{
	child_say(c, LOG_LEVEL_ERROR, "killing a process that breaks the protocol", why);
	snprintf(c->killed_why, sizeof c->killed_why, "%s", why);
	happen(c, CHILD_EV_BROKE);
}

int child_send(struct child *c, const struct msg *m, const int *fds, int nfds)
{
	if (!child_runs(c))
		return -EPIPE;
	int rc = msg_send(&c->channel, m, fds, nfds);
	watch_writing(c);
	if (rc == 0 || rc == -EPIPE || rc == -ECONNRESET)
		return rc;	/* its death is reported elsewhere */
	char why[128];
	snprintf(why, sizeof why, "%s cannot be sent: %s (%d wait)", msg_name(m->type), strerror(-rc), channel_pending(&c->channel));
	broke(c, why);
	return rc;
}

static void introduce(struct child *c, int ledger_fd)
{
	struct msg m = { .type = MSG_INTRO, .intro = { .version = MSG_VERSION, .role = (uint8_t)c->role,
		.index = (uint16_t)c->index, .generation = c->generation,
		.log_level = (uint8_t)supervisor_log_level(c->super), .sandbox = supervisor_sandbox(c->super) } };

	child_send(c, &m, &ledger_fd, 1);
}

static void on_intro_ans(struct child *c, const struct msg_intro_ans *a)
{
	if (c->introduced || a->version != MSG_VERSION) {
		broke(c, c->introduced ? "second introduction" : "another version of the protocol");
		return;
	}
	c->introduced = true;
	snprintf(c->missing, sizeof c->missing, "%s", a->protections_missing);
	if (*c->missing)
		child_say(c, LOG_LEVEL_WARNING, "protections do not hold", c->missing);
	faults_introduced(c->super, c);
	if (c->ops->on_introduced)
		c->ops->on_introduced(c->super, c);
}

static void on_packet(struct child *c, struct packet *p)
{
	const char *why = "";
	struct msg m;

	c->messages++;
	if (msg_decode(p, c->role, ROLE_SUPERVISOR, &m, &why) < 0)
		broke(c, why);
	else if (m.type == MSG_INTRO_ANS)
		on_intro_ans(c, &m.intro_ans);
	else if (!c->introduced)
		broke(c, "message before its introduction");
	else if (m.type == MSG_READY && c->state == CHILD_STARTING)
		happen(c, CHILD_EV_READY);
	else if (c->ops->on_message)
		c->ops->on_message(c->super, c, &m, p);
	packet_close_fds(p);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct child *c = w->data;
	struct packet p;

	(void)loop; (void)revents;
	for (int i = 0; i < PACKETS_PER_TURN && c->channel.fd >= 0 && !c->paused; i++) {
		int rc = channel_recv(&c->channel, &p);
		if (rc == -EAGAIN)
			return;
		if (rc < 0) {
			happen(c, CHILD_EV_EOF);
			return;
		}
		on_packet(c, &p);
	}
}

static void on_writable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct child *c = w->data;

	(void)loop; (void)revents;
	int rc = channel_flush(&c->channel);
	if (rc < 0 && rc != -EAGAIN) {
		happen(c, CHILD_EV_EOF);
		return;
	}
	watch_writing(c);
	if (c->ops->on_flushed)
		c->ops->on_flushed(c->super, c);
}

void child_pause(struct child *c, bool paused)
{
	if (c->paused == paused)
		return;
	c->paused = paused;
	if (c->channel.fd < 0)
		return;
	if (paused)
		ev_io_stop(c->super->loop, &c->reading);
	else
		ev_io_start(c->super->loop, &c->reading);
}

bool child_runs(const struct child *c)
{
	return c->channel.fd >= 0;
}

/* --- birth --- */

/* Connects the channel; the process's end is returned. */
static int open_channel(struct child *c)
{
	const int few = MANY_FDS_BYTES;
	int fds[2];
	int rc = channel_pair(fds);

	if (rc < 0)
		return rc;
	if (c->ops->many_fds)
		setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &few, sizeof few);
	channel_init(&c->channel, fds[0]);
	ev_io_set(&c->reading, fds[0], EV_READ);
	ev_io_set(&c->writing, fds[0], EV_WRITE);
	return fds[1];
}

static int make_ledger(struct child *c, int *fd)
{
	bool worker = c->role == ROLE_WORKER;

	totals_keep(&c->before, &c->ledger);
	ledger_clear(&c->ledger);
	return ledger_new(&c->ledger, fd, c->role, c->index, c->generation,
		worker ? supervisor_connections_per_worker(c->super) : 0, worker ? LEDGER_ENDED : 0);
}

static int make_process(struct child *c, int theirs)
{
	const struct supervisor *s = c->super;
	struct spawn sp = { .role = c->role, .programs = &s->programs, .privileges = &s->privileges,
		.channel_fd = theirs, .log_fd = s->children_stderr, .extra_fd = -1, .cpu = SPAWN_NO_CPU };

	if (c->ops->extra_fd)
		sp.extra_fd = c->ops->extra_fd(c->super, c);
	if (c->ops->cpu)
		sp.cpu = c->ops->cpu(c->super, c);
	if (c->role == ROLE_WORKER)
		sp.descriptors = supervisor_descriptors_per_worker(s);
	return spawn(&sp);
}

static void begin_life(struct child *c, pid_t pid)
{
	c->pid = pid;
	c->introduced = c->paused = false;
	c->missing[0] = c->killed_why[0] = '\0';
	c->messages = 0;
	state_process(pid, &c->proc_start, NULL, 0);
	ev_child_set(&c->reaper, pid, 0);
	ev_child_start(c->super->loop, &c->reaper);
	ev_io_start(c->super->loop, &c->reading);
}

static int try_spawn(struct child *c)
{
	int ledger_fd = -1, theirs = -1;
	int rc = make_ledger(c, &ledger_fd);

	if (rc == 0)
		rc = theirs = open_channel(c);
	if (rc >= 0)
		rc = make_process(c, theirs);
	if (rc > 0) {
		begin_life(c, rc);
		introduce(c, ledger_fd);
	}
	if (theirs >= 0)
		close(theirs);
	if (ledger_fd >= 0)
		close(ledger_fd);
	return rc < 0 ? rc : 0;
}

static void spawn_now(struct child *c)
{
	c->generation++;
	c->started_ns = ledger_now_ns();
	int rc = try_spawn(c);
	if (rc == 0) {
		child_say(c, LOG_LEVEL_INFO, "process started", NULL);
		child_tell(c, "process_started", NULL);
		supervisor_children_changed(c->super);
		return;
	}
	c->status = 127 << 8;	/* as a shell says it */
	snprintf(c->last_death, sizeof c->last_death, "could not be started: %s", strerror(-rc));
	close_channel(c);
	happen(c, c->wanted ? CHILD_EV_NO_SPAWN : CHILD_EV_ENDED);
}

/* --- death --- */

static void on_reaped(struct ev_loop *loop, ev_child *w, int revents)
{
	struct child *c = w->data;

	(void)revents;
	ev_child_stop(loop, w);
	child_describe_death(c, w->rstatus);
	/* What it said last still counts: an opener ends after its last answer. */
	on_readable(loop, &c->reading, 0);
	close_channel(c);
	happen(c, c->wanted ? CHILD_EV_DIED : CHILD_EV_ENDED);
}

static void tell_down(struct child *c, enum child_event e)
{
	if (e == CHILD_EV_ENDED)
		child_note_end(c);
	else
		child_count_death(c);
	watch_on_end(c->super, c, e == CHILD_EV_ENDED);
	c->pid = 0;
	supervisor_children_changed(c->super);
}

/* --- the state machine --- */

static uint32_t limit_ms(const struct child *c, enum child_event e)
{
	switch (c->state) {
	case CHILD_BACKOFF: return c->backoff_ms;
	case CHILD_STARTING: return c->ops->ready_ms;
	case CHILD_DRAINING: return c->super->conf->deadlines.ms[DEADLINE_DRAIN] + DRAIN_GRACE_MS;
	case CHILD_STOPPING: return e == CHILD_EV_LEAVE ? c->ops->leave_ms : TERM_MS;
	default: return 0;
	}
}

static void arm(struct child *c, enum child_event e)
{
	struct ev_loop *loop = c->super->loop;

	ev_timer_stop(loop, &c->timer);
	if (c->state == CHILD_DOWN || c->state == CHILD_READY)
		return;
	ev_now_update(loop);
	ev_timer_set(&c->timer, limit_ms(c, e) / 1e3, 0.);
	ev_timer_start(loop, &c->timer);
}

static void send_drain(struct child *c)
{
	struct msg m = { .type = MSG_DRAIN, .drain = { .drain_ms = c->super->conf->deadlines.ms[DEADLINE_DRAIN] } };

	child_send(c, &m, NULL, 0);
	child_tell(c, "process_draining", json_pack("{s:I}", "drain_ms", (json_int_t)m.drain.drain_ms));
}

static void act(struct child *c, unsigned actions, enum child_event e)
{
	if (actions & CHILD_DO_TERM)
		kill(c->pid, SIGTERM);
	if (actions & CHILD_DO_KILL)
		kill(c->pid, SIGKILL);
	if (actions & CHILD_DO_CLOSE)
		close_channel(c);
	if (actions & CHILD_DO_TELL_DOWN)
		tell_down(c, e);
	arm(c, e);
	/* From here on others may act, even on this child. */
	if (actions & CHILD_DO_SPAWN)
		spawn_now(c);
	if (actions & CHILD_DO_SEND_DRAIN)
		send_drain(c);
	if (actions & CHILD_DO_TELL_READY) {
		child_say_ready(c);
		if (c->ops->on_ready)
			c->ops->on_ready(c->super, c);
	}
	if (actions & CHILD_DO_TELL_DOWN) {
		control_child_down(c->super->control, c);
		if (c->ops->on_down)
			c->ops->on_down(c->super, c);
	}
}

static void happen(struct child *c, enum child_event e)
{
	struct child_step step = child_step(c->state, e);

	if (!step.known)
		return;
	child_say_step(c, c->state, e);
	if (step.next != c->state) {
		c->state = step.next;
		c->state_since_ns = ledger_now_ns();
	}
	act(c, step.actions, e);
}

static void on_timeout(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop; (void)revents;
	happen(w->data, CHILD_EV_TIMEOUT);
}

void child_init(struct child *c, struct supervisor *s, const struct child_ops *ops, uint32_t index)
{
	*c = (struct child){ .role = ops->role, .index = index, .seat = index, .super = s, .ops = ops };
	channel_init(&c->channel, -1);
	ev_init(&c->reading, on_readable);
	ev_init(&c->writing, on_writable);
	ev_init(&c->timer, on_timeout);
	ev_init(&c->reaper, on_reaped);
	c->reading.data = c->writing.data = c->timer.data = c->reaper.data = c;
}

void child_clear(struct child *c)
{
	if (!c->super)
		return;
	close_channel(c);
	ev_timer_stop(c->super->loop, &c->timer);
	ev_child_stop(c->super->loop, &c->reaper);
	ledger_clear(&c->ledger);
}

void child_start(struct child *c)
{
	c->wanted = c->ops->restart;
	happen(c, CHILD_EV_START);
}

static void unwanted(struct child *c, enum child_event e)
{
	c->wanted = false;
	happen(c, e);
}

void child_drain(struct child *c) { unwanted(c, CHILD_EV_DRAIN); }
void child_leave(struct child *c) { unwanted(c, CHILD_EV_LEAVE); }
void child_stop(struct child *c) { unwanted(c, CHILD_EV_STOP); }

void child_replace(struct child *c, const char *why)
{
	if (c->pid == 0)
		return;
	child_say(c, LOG_LEVEL_WARNING, "killing a process to replace it", why);
	snprintf(c->killed_why, sizeof c->killed_why, "%s", why);
	happen(c, CHILD_EV_KILL);
}

void child_progress(struct child *c)
{
	if (c->state == CHILD_STARTING)
		arm(c, CHILD_EV_START);
}
