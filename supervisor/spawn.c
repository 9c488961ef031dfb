/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "common/log.h"

#define FIRST_FREE_FD 5		/* after standard descriptors, channel, extra */
#define ENVIRONMENT_MAX 8

static const char *const passed_on[] = {
	"TZ",
#ifdef WITH_SANITIZERS
	"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
#endif
};

static void __attribute__((noreturn)) give_up(const struct spawn *sp, const char *what)
{
	log_error("%s cannot be started: %s: %s", program_name(sp->role), what, strerror(errno));
	_exit(127);
}

/* Strings live until exec replaces them. */
static void make_environment(char *env[ENVIRONMENT_MAX])
{
	static char locale[] = "LC_ALL=C";
	int n = 0;

	env[n++] = locale;
	for (size_t i = 0; i < sizeof passed_on / sizeof passed_on[0]; i++) {
		const char *value = getenv(passed_on[i]);
		if (value && asprintf(&env[n], "%s=%s", passed_on[i], value) > 0)
			n++;
	}
	env[n] = NULL;
}

static void reset_signals(void)
{
	struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t none;

	/* SIGPIPE stays ignored: every role wants it so. */
	for (int i = 1; i < NSIG; i++)
		if (i != SIGPIPE && i != SIGKILL && i != SIGSTOP)
			sigaction(i, &plain, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A number above those that are about to be replaced. */
static int above(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
}

static int arrange_descriptors(const struct spawn *sp)
{
	int null = above(open("/dev/null", O_RDWR | O_CLOEXEC));
	int log = above(sp->log_fd), channel = above(sp->channel_fd), extra = above(sp->extra_fd);

	if (null < 0 || log < 0 || channel < 0 || (sp->extra_fd >= 0 && extra < 0))
		return -1;
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(log, 2) < 0 || dup2(channel, 3) < 0)
		return -1;
	if (extra >= 0)
		return dup2(extra, 4) < 0 ? -1 : 0;
	close(4);
	return 0;
}

static void pin(int cpu)
{
	cpu_set_t set;

	if (cpu == SPAWN_NO_CPU)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	/* A core taken away in the meantime: it runs unpinned, a little slower. */
	sched_setaffinity(0, sizeof set, &set);
}

static void __attribute__((noreturn)) become(const struct spawn *sp)
{
	struct rlimit no_core = { 0, 0 }, fds = { sp->descriptors, sp->descriptors };
	char name[32], role[16], *argv[] = { name, role, NULL }, *env[ENVIRONMENT_MAX];

	/* Of its own session: Ctrl-C is for the supervisor, which drains. */
	setsid();
	reset_signals();
	snprintf(name, sizeof name, "%s", program_name(sp->role));
	snprintf(role, sizeof role, "%s", role_name(sp->role));	/* ps; and one program has two roles */
	make_environment(env);
	int program = above(sp->programs->fds[sp->role]);
	if (program < 0 || arrange_descriptors(sp) < 0)
		give_up(sp, "descriptors");
	log_init(STDERR_FILENO, "tlsward", LOG_LEVEL_INFO);
	close_range(FIRST_FREE_FD, ~0u, CLOSE_RANGE_CLOEXEC);
	pin(sp->cpu);
	umask(077);
	if (chdir("/") < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0)
		give_up(sp, "limits");
	if (sp->descriptors > 0 && setrlimit(RLIMIT_NOFILE, &fds) < 0)
		give_up(sp, "RLIMIT_NOFILE");
	const char *failed = privilege_become(sp->privileges, sp->role);
	if (failed)
		give_up(sp, failed);
	execveat(program, "", argv, env, AT_EMPTY_PATH);
	give_up(sp, "execveat");
}

pid_t spawn(const struct spawn *sp)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(sp);
	return pid;
}
