/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "config.h"
#include "common/log.h"
#include "supervisor/boot/boot.h"
#include "supervisor/control.h"
#include "supervisor/expiring.h"
#include "supervisor/hosts.h"
#include "supervisor/listen_again.h"
#include "supervisor/reload.h"
#include "supervisor/roles.h"
#include "supervisor/stop.h"
#include "supervisor/view.h"
#include "supervisor/watch.h"
#include "supervisor/workers.h"

#define LOG_PIPE_BYTES (1 << 20)
#define SEED_S (24 * 3600.)
#define WORKER_OWN_FDS 100	/* descriptors of a worker that belong to no connection */
#define WORKER_CONNECTIONS_MAX 65536
#define START_DEATHS_MAX 3	/* of one worker, before the start has failed */

bool supervisor_sandbox(const struct supervisor *s)
{
#ifdef WITH_SANITIZERS
	(void)s;
	return false;
#else
	return s->conf->sandbox;
#endif
}

int supervisor_log_level(const struct supervisor *s)
{
	/* A check is about the configuration, not about this run of it. */
	return s->check ? LOG_LEVEL_ERROR : s->log_level;
}

static void send_log_level(struct child *c, int level)
{
	struct msg m = { .type = MSG_LOG_LEVEL, .log_level = { .log_level = (uint8_t)level } };

	if (child_runs(c) && c->introduced)
		child_send(c, &m, NULL, 0);
}

void supervisor_set_log_level(struct supervisor *s, int level)
{
	s->log_level = level;
	log_set_level(level);
	send_log_level(&s->logger, level);
	send_log_level(&s->keeper, level);
	send_log_level(&s->librarian, level);
	send_log_level(&s->advisor, level);
	for (int i = 0; i < s->workers_n; i++)
		send_log_level(&s->workers[i], level);
}

uint32_t supervisor_descriptors_per_worker(const struct supervisor *s)
{
	rlim_t wanted = (rlim_t)s->conf->limits.descriptors;
	struct rlimit fds = { 1024, 1024 };

	getrlimit(RLIMIT_NOFILE, &fds);
	if (wanted > 0 && wanted < fds.rlim_cur)
		return (uint32_t)wanted;
	return fds.rlim_cur < UINT32_MAX ? (uint32_t)fds.rlim_cur : UINT32_MAX;
}

/* A connection has two descriptors, and a worker some of its own. */
static uint32_t room_by_descriptors(const struct supervisor *s)
{
	rlim_t fds = supervisor_descriptors_per_worker(s);
	rlim_t room = fds > 2 * WORKER_OWN_FDS ? (fds - WORKER_OWN_FDS) / 2 : fds / 4;

	return room > WORKER_CONNECTIONS_MAX ? WORKER_CONNECTIONS_MAX : (uint32_t)room;
}

uint32_t supervisor_connections_per_worker(const struct supervisor *s)
{
	uint32_t wanted = (uint32_t)s->conf->limits.connections, n = (uint32_t)s->workers_wanted;
	uint32_t room = room_by_descriptors(s), share = (wanted + n - 1) / n;

	return wanted > 0 && share < room ? share : room;
}

static bool logs_to_stderr(const struct supervisor *s)
{
	return s->check || strcmp(s->conf->log.to, "stderr") == 0;
}

void supervisor_tell(struct supervisor *s, const char *text)
{
	fprintf(stderr, "tlsward: %s\n", text);
	if (!logs_to_stderr(s))
		log_error("%s", text);
}

void supervisor_fail(struct supervisor *s, const char *text)
{
	if (s->stopping)
		return;
	supervisor_tell(s, text);
	s->exit_code = 1;
	stop_begin(s, true);
}

bool supervisor_broke(struct supervisor *s, const char *text)
{
	if (s->serving)
		return false;
	supervisor_fail(s, text);
	return true;
}

void supervisor_children_changed(struct supervisor *s)
{
	state_write(&s->state, s->workers, s->workers_n);
}

void supervisor_worker_ready(struct supervisor *s)
{
	for (int i = 0; i < s->workers_n; i++)
		if (s->workers[i].state != CHILD_READY)
			return;
	if (s->ready || s->stopping)
		return;
	s->ready = true;
	boot_ready(s);
}

void supervisor_role_down(struct supervisor *s, struct child *c)
{
	bool given_up = c->role == ROLE_WORKER ? c->deaths >= START_DEATHS_MAX : true;
	char text[256];

	if (!s->ready && !s->stopping && given_up) {
		snprintf(text, sizeof text, "not started: the %s died: %s", role_name(c->role), c->last_death);
		supervisor_fail(s, text);
	}
	stop_advance(s);
}

static void on_stop_signal(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct supervisor *s = w->data;
	struct log_line l;

	(void)loop; (void)revents;
	log_begin(&l, LOG_LEVEL_NOTICE, s->stopping ? "stopping at once" : "draining, then stopping");
	log_str(&l, "signal", strsignal(w->signum));
	if (!s->stopping)
		log_ms(&l, "drain", s->conf->deadlines.ms[DEADLINE_DRAIN]);
	log_end(&l);
	stop_begin(s, s->stopping || !s->ready);
}

static void on_hangup(struct ev_loop *loop, ev_signal *w, int revents)
{
	(void)loop; (void)revents;
	reload_hangup(w->data);
}

static void on_user_signal(struct ev_loop *loop, ev_signal *w, int revents)
{
	(void)loop; (void)revents;
	reload_log_file(w->data);
}

static void on_seed(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop; (void)revents;
	if (workers_new_seed(w->data) < 0)
		log_error("no random bytes for a new ticket seed; the old one stays");
	else
		log_info("workers have a new ticket seed");
}

static void watch_signal(struct supervisor *s, ev_signal *w, int number, void (*cb)(struct ev_loop *, ev_signal *, int))
{
	ev_signal_init(w, cb, number);
	w->data = s;
	ev_signal_start(s->loop, w);
}

int supervisor_open_log(struct supervisor *s)
{
	int fds[2];

	s->children_stderr = STDERR_FILENO;
	s->log_level = s->conf->log.level;
	if (s->check) {
		log_init(STDERR_FILENO, "tlsward", supervisor_log_level(s));
		return 0;
	}
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	fcntl(fds[1], F_SETPIPE_SZ, LOG_PIPE_BYTES);	/* smaller does, too */
	s->log_read = fds[0];
	s->log_write = s->children_stderr = fds[1];
	log_init(s->log_write, "tlsward", supervisor_log_level(s));
	return 0;
}

static void init_children(struct supervisor *s)
{
	child_init(&s->logger, s, &logger_ops, 0);
	child_init(&s->keeper, s, &keeper_ops, 0);
	child_init(&s->librarian, s, &librarian_ops, 0);
	child_init(&s->advisor, s, &advisor_ops, 0);
	opener_init(&s->log_opener, s, &boot_log_ops, s);
	s->workers_wanted = workers_wanted(s->conf);
	while (s->workers_n < s->workers_wanted)
		workers_new_place(s);
}

static int init_parts(struct supervisor *s)
{
	s->material = material_new(s, &boot_material_ops);
	s->backends = backends_new(s, s->conf, &boot_backends_ops, NULL);
	s->reload = reload_new(s);
	explain_init(s);
	s->policy = policy_flow_new(s, &boot_policy_ops);
	s->acme = acme_new(s, &boot_acme_ops);
	s->incidents = incidents_new(s);
	s->watch = s->check ? NULL : watch_new(s);
	s->expiring = s->check ? NULL : expiring_new(s);
	if (!s->material || !s->backends || !s->policy || !s->acme || !s->reload || !s->incidents || (!s->check && !s->watch))
		return -ENOMEM;
	int rc = headcount_make(&s->headcount_shape, s->headcount_fds, WORKERS_MAX, room_by_descriptors(s));
	if (rc == 0)
		rc = listen_number_all(s, s->conf);
	return rc < 0 ? rc : workers_new_seed(s);
}

static void init_watchers(struct supervisor *s)
{
	watch_signal(s, &s->on_term, SIGTERM, on_stop_signal);
	watch_signal(s, &s->on_int, SIGINT, on_stop_signal);
	watch_signal(s, &s->on_hup, SIGHUP, on_hangup);
	watch_signal(s, &s->on_usr1, SIGUSR1, on_user_signal);
	ev_timer_init(&s->seed_timer, on_seed, SEED_S, SEED_S);
	s->seed_timer.data = s;
	ev_timer_start(s->loop, &s->seed_timer);
}

/* What the first process warns of is an event, too. */
static void tap_log(void *data, enum log_level level, const char *text)
{
	struct supervisor *s = data;

	control_event(s->control, log_level_name(level), json_pack("{s:o}", "text", view_text(text)));
}

static int serve_control(struct supervisor *s)
{
	if (s->control_fd < 0)
		return 0;
	s->control = control_new(s, s->control_fd);
	if (!s->control)
		return -errno;
	s->control_fd = -1;
	log_set_tap(tap_log, s);
	return 0;
}

int supervisor_init(struct supervisor *s)
{
	s->started_ns = ledger_now_ns();
	s->generation = 1;
	s->loop = ev_default_loop(EVFLAG_NOENV);
	if (!s->loop)
		return -ENOMEM;
	signal(SIGPIPE, SIG_IGN);
	init_children(s);
	int rc = init_parts(s);
	if (rc < 0)
		return rc;
	init_watchers(s);
	return serve_control(s);
}

static void say_start(const struct supervisor *s)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_NOTICE, "starting");
	log_str(&l, "version", PACKAGE_VERSION);
	log_str(&l, "configuration", s->conf->path);
	log_u64(&l, "workers", (uint64_t)s->workers_wanted);
	log_u64(&l, "connections_per_worker", supervisor_connections_per_worker(s));
	log_u64(&l, "orphans", (uint64_t)s->state.orphans_n);
	log_end(&l);
	if ((uint64_t)supervisor_connections_per_worker(s) * (uint64_t)s->workers_n < (uint64_t)s->conf->limits.connections)
		log_warning("limits.connections is more than the limit of descriptors (RLIMIT_NOFILE) allows");
	if (supervisor_descriptors_per_worker(s) < (uint32_t)s->conf->limits.descriptors)
		log_warning("limits.descriptors is more than RLIMIT_NOFILE, which is %u", supervisor_descriptors_per_worker(s));
	if (!*s->privileges.missing)
		return;
	log_begin(&l, LOG_LEVEL_WARNING, "protections are off");
	log_str(&l, "why", s->privileges.missing);
	log_end(&l);
}

int supervisor_run(struct supervisor *s)
{
	say_start(s);
	boot_begin(s);
	ev_run(s->loop, 0);
	return s->exit_code;
}

/* A pipe that says so has room for PIPE_BUF bytes. */
static bool stderr_takes_more(void)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && p.revents == POLLOUT;
}

/* What no logger has written is for the person who started us, if that one reads. */
static void save_last_lines(struct supervisor *s)
{
	char text[PIPE_BUF];
	ssize_t n;

	while (s->log_read >= 0 && stderr_takes_more() && (n = read(s->log_read, text, sizeof text)) > 0)
		if (write(STDERR_FILENO, text, (size_t)n) != n)
			return;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void supervisor_clear(struct supervisor *s)
{
	control_free(s->control);
	s->control = NULL;	/* what is logged from here on is no event */
	expiring_free(s->expiring);
	s->expiring = NULL;
	hosts_free(s->hosts);
	reload_free(s->reload);
	s->reload = NULL;
	watch_free(s->watch);
	s->watch = NULL;
	incidents_free(s->incidents);
	material_free(s->material);
	fetches_clear(&s->fetches);
	staples_clear(&s->staples);
	backends_free(s->backends);
	acme_free(s->acme);
	policy_flow_free(s->policy);
	for (int i = 0; i < s->workers_n; i++) {
		signer_clear(&s->signers[i]);
		child_clear(&s->workers[i]);
	}
	child_clear(&s->keeper);
	child_clear(&s->librarian);
	child_clear(&s->advisor);
	child_clear(&s->logger);
	opener_clear(&s->log_opener);
	close_fd(&s->headcount_fds[0]);
	close_fd(&s->headcount_fds[1]);
	close_fd(&s->log_write);
	save_last_lines(s);
	close_fd(&s->log_read);
	close_fd(&s->log_file);
	close_fd(&s->control_fd);
	listen_again_clear(s);
	if (s->loop)
		ev_loop_destroy(s->loop);
}
