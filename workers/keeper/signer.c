/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/keeper/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/log.h"
#include "common/msg.h"
#include "common/sandbox.h"
#include "workers/keeper/heap.h"
#include "workers/keeper/server.h"

struct signer {
	struct signer *next;
	uint16_t worker;
	pid_t pid;
	bool unwanted;		/* killed by us */
	struct channel control;
};

/* In the new process: closes all descriptors from 3 on but those to keep. */
static void close_others(int a, int b, int c)
{
	int keep[3] = { a, b, c };

	for (int i = 0; i < 3; i++)
		for (int j = i + 1; j < 3; j++)
			if (keep[j] < keep[i]) {
				int swap = keep[i];
				keep[i] = keep[j];
				keep[j] = swap;
			}
	unsigned from = 3;
	for (int i = 0; i < 3; i++) {
		if ((unsigned)keep[i] > from)
			close_range(from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	close_range(from, ~0u, 0);
}

static void pin(uint16_t cpu)
{
	cpu_set_t set;

	if (cpu == SIGNER_ANY_CPU || cpu >= CPU_SETSIZE)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* A core that is not ours to use costs time on each signature, no more. */
	(void)!sched_setaffinity(0, sizeof set, &set);
}

static void name_process(uint16_t worker)
{
	char who[16], name[16];
	enum log_level level = LOG_LEVEL_DEBUG;

	while (!log_wants(level) && level < LOG_LEVEL_ERROR)
		level++;
	snprintf(who, sizeof who, "signer.%u", worker);
	snprintf(name, sizeof name, "tlsw-%.10s", who);
	prctl(PR_SET_NAME, name);
	log_init(STDERR_FILENO, who, level);
}

static void default_signals(void)
{
	sigset_t none;

	signal(SIGTERM, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int __attribute__((noreturn)) become_server(const struct signer_start *start, int control, pid_t keeper)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != keeper)
		_exit(0);
	close_others(start->fd, control, keystore_fd(start->store));
	name_process(start->worker);
	default_signals();
	pin(start->cpu);
	if (start->sandbox && sandbox_enter(SANDBOX_LOCK) < 0) {
		log_error("the seccomp filter cannot be set");
		_exit(1);
	}
	struct server *s = calloc(1, sizeof *s);
	if (!s)
		_exit(1);
	heap_forked();
	if (!heap_lock())
		log_notice("memory cannot be locked (RLIMIT_MEMLOCK): keys in use may be swapped out");
	channel_init(&s->worker, start->fd);
	channel_init(&s->keeper, control);
	s->store = start->store;
	s->lib = start->lib;
	s->signatures = start->signatures;
	_exit(server_run(s));
}

static void discard(struct signer *one)
{
	one->unwanted = true;
	channel_clear(&one->control);
	kill(one->pid, SIGKILL);
}

/* Gives the process id, or a negative errno; control: our end of its channel. */
static pid_t start_process(const struct signer_start *start, int *control)
{
	int pair[2];
	pid_t self = getpid();
	int rc = channel_pair(pair);

	if (rc < 0)
		return rc;
	pid_t pid = fork();
	if (pid == 0)
		become_server(start, pair[1], self);
	if (pid < 0)
		pid = -errno;
	close(pair[1]);
	if (pid < 0)
		close(pair[0]);
	*control = pair[0];
	return pid;
}

pid_t signers_start(struct signers *s, const struct signer_start *start)
{
	int control;

	for (struct signer *one = s->first; one; one = one->next)
		if (one->worker == start->worker && !one->unwanted)
			discard(one);
	struct signer *new = calloc(1, sizeof *new);
	if (!new)
		return -ENOMEM;
	new->worker = start->worker;
	new->pid = start_process(start, &control);
	if (new->pid < 0) {
		pid_t rc = new->pid;
		free(new);
		return rc;
	}
	channel_init(&new->control, control);
	new->next = s->first;
	s->first = new;
	return new->pid;
}

/* A server that does not take a word about keys would sign with the wrong ones. */
static void tell_all(struct signers *s, const struct msg *m, const int *fds, int nfds)
{
	for (struct signer *one = s->first; one; one = one->next) {
		if (one->unwanted)
			continue;
		int rc = msg_send(&one->control, m, fds, nfds);
		if (rc == 0 && channel_pending(&one->control) == 0)
			continue;
		/* It ends with its worker, and may not have been collected yet. */
		if (rc != -EPIPE && rc != -ECONNRESET)
			log_warning("server of worker %u does not take the new keys and is killed", one->worker);
		discard(one);
	}
}

static void tell_store(struct signers *s, const struct keystore *store, bool made)
{
	struct msg m = { .type = MSG_KEY_STORE, .key_store = { .keys = (uint32_t)keystore_count(store), .made = made } };
	int fd = keystore_fd(store);

	tell_all(s, &m, &fd, 1);
}

void signers_add(struct signers *s, const struct keystore *store)
{
	tell_store(s, store, false);
}

void signers_made(struct signers *s, const struct keystore *store)
{
	tell_store(s, store, true);
}

void signers_commit(struct signers *s)
{
	struct msg m = { .type = MSG_KEYS_COMMIT };

	tell_all(s, &m, NULL, 0);
}

void signers_discard(struct signers *s)
{
	struct msg m = { .type = MSG_DISCARD };

	tell_all(s, &m, NULL, 0);
}

void signers_log_level(struct signers *s, uint8_t level)
{
	struct msg m = { .type = MSG_LOG_LEVEL, .log_level = { .log_level = level } };

	/* One that does not take it is found out when it has to sign. */
	for (struct signer *one = s->first; one; one = one->next)
		if (!one->unwanted)
			msg_send(&one->control, &m, NULL, 0);
}

static void tell_death(const struct signer *one, int status)
{
	if (one->unwanted)
		return;
	if (WIFSIGNALED(status))
		log_warning("server of worker %u was killed by signal %d", one->worker, WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		log_warning("server of worker %u ended with code %d", one->worker, WEXITSTATUS(status));
}

static void forget(struct signers *s, pid_t pid, int status)
{
	for (struct signer **at = &s->first; *at; at = &(*at)->next) {
		struct signer *one = *at;
		if (one->pid != pid)
			continue;
		*at = one->next;
		tell_death(one, status);
		channel_clear(&one->control);
		free(one);
		return;
	}
}

void signers_reap(struct signers *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		forget(s, pid, status);
}

void signers_clear(struct signers *s)
{
	for (struct signer *one = s->first; one; one = one->next)
		discard(one);
	while (s->first) {
		waitpid(s->first->pid, NULL, 0);
		forget(s, s->first->pid, 0);
	}
}
