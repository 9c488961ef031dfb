/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/witness/tracee.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "common/ledger.h"

int tracee_attach(struct tracee *t, pid_t pid)
{
	sigset_t set;

	*t = (struct tracee){ .pid = pid };
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return ptrace(PTRACE_SEIZE, pid, 0, 0) < 0 ? -errno : 0;
}

static bool is_group_stop(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

static void resume(struct tracee *t)
{
	ptrace(t->group_stop ? PTRACE_LISTEN : PTRACE_CONT, t->pid, 0, 0);
	t->stopped = false;
}

/* One change of its state. 1: it is stopped; 0: it goes on; -ESRCH: it ended. */
static int take(struct tracee *t, int status)
{
	if (!WIFSTOPPED(status))
		return -ESRCH;
	if (status >> 16 == PTRACE_EVENT_STOP) {
		t->group_stop = is_group_stop(WSTOPSIG(status));
		t->stopped = true;
		return 1;
	}
	/* A signal on its way to it, a thousand in a second from a timer: none of our business. */
	ptrace(PTRACE_CONT, t->pid, 0, WSTOPSIG(status));
	return 0;
}

/* Waits for changes until the time is over: 1, 0 (time is over) or -ESRCH. */
static int watch(struct tracee *t, int ms, bool until_stopped)
{
	uint64_t until = ledger_now_ns() + (uint64_t)ms * 1000000, now;
	sigset_t set;
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	while ((now = ledger_now_ns()) < until) {
		pid_t pid = waitpid(t->pid, &status, WNOHANG | __WALL);
		if (pid < 0)
			return -ESRCH;
		if (pid == 0) {
			struct timespec left = { .tv_sec = (time_t)((until - now) / 1000000000), .tv_nsec = (long)((until - now) % 1000000000) };
			sigtimedwait(&set, NULL, &left);
			continue;
		}
		int rc = take(t, status);
		if (rc < 0 || (rc == 1 && until_stopped))
			return rc;
		if (rc == 1)
			resume(t);
	}
	return 0;
}

int tracee_stop(struct tracee *t, int timeout_ms)
{
	if (ptrace(PTRACE_INTERRUPT, t->pid, 0, 0) < 0)
		return -errno;
	int rc = watch(t, timeout_ms, true);
	return rc == 1 ? 0 : rc == 0 ? -ETIMEDOUT : rc;
}

int tracee_run(struct tracee *t, int ms)
{
	if (t->stopped)
		resume(t);
	return watch(t, ms, false);
}

void tracee_detach(struct tracee *t)
{
	if (t->stopped)
		ptrace(PTRACE_DETACH, t->pid, 0, 0);
	t->stopped = false;
}
