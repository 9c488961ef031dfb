/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/unit/logger_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "config.h"
#include "workers/logger/pipe.h"

#ifdef WITH_SANITIZERS
#define SANDBOX 0
#else
#define SANDBOX 1
#endif

void pause_ms(int ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

/* In the child, whose descriptors 2 to 4 may be in use for what must become them. */
static void become_logger(struct play *p, int channel_fd)
{
	char path[4096];
	const char *build = getenv("TLSWARD_BUILD");
	int writer = fcntl(p->pipe[1], F_DUPFD_CLOEXEC, 50), reader = fcntl(p->pipe[0], F_DUPFD_CLOEXEC, 50);
	int channel = fcntl(channel_fd, F_DUPFD_CLOEXEC, 50);

	dup2(writer, STDERR_FILENO);
	dup2(channel, 3);
	dup2(reader, LOGGER_PIPE_FD);
	snprintf(path, sizeof path, "%s/tlsward-logger", build ? build : ".");
	execl(path, "tlsward-logger", (char *)NULL);
	_exit(127);
}

void receive(struct play *p, enum msg_type type, struct msg *m)
{
	static struct packet packet;
	const char *why;

	assert_int_equal(channel_recv_wait(&p->channel, &packet, PATIENCE_MS), 0);
	assert_int_equal(msg_decode(&packet, ROLE_LOGGER, ROLE_SUPERVISOR, m, &why), 0);
	assert_int_equal(m->type, type);
}

void set_sink(struct play *p, enum log_sink to, bool json, int fd)
{
	struct msg m = { .type = MSG_LOG_SINK, .log_sink = { .to = (uint8_t)to, .json = json } };

	assert_int_equal(msg_send(&p->channel, &m, &fd, fd >= 0), 0);
	if (fd >= 0)
		close(fd);
}

void start_logger(struct play *p)
{
	struct msg m = { .type = MSG_INTRO, .intro = { .version = MSG_VERSION,
		.role = ROLE_LOGGER, .log_level = LOG_LEVEL_INFO, .sandbox = SANDBOX } };
	int fds[2], ledger;

	assert_int_equal(channel_pair(fds), 0);
	channel_init(&p->channel, fds[0]);
	assert_int_equal(ledger_new(&p->ledger, &ledger, ROLE_LOGGER, 0, 1, 0, 0), 0);
	p->pid = fork();
	if (p->pid == 0)
		become_logger(p, fds[1]);
	close(fds[1]);
	assert_int_equal(msg_send(&p->channel, &m, &ledger, 1), 0);
	close(ledger);
	receive(p, MSG_INTRO_ANS, &m);
	assert_string_equal(m.intro_ans.protections_missing, "");
}

int open_file(const struct play *p)
{
	int fd = open(p->file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

void start(struct play *p, enum log_sink to, bool json, int fd)
{
	struct msg m;

	start_logger(p);
	set_sink(p, to, json, fd);
	receive(p, MSG_READY, &m);
}

int wait_for_end(struct play *p, int ms)
{
	int status;

	for (; ms > 0; ms -= 5) {
		if (waitpid(p->pid, &status, WNOHANG) == p->pid) {
			p->pid = 0;
			return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		}
		pause_ms(5);
	}
	return -1;
}

void close_pipe(struct play *p, int end)
{
	if (p->pipe[end] >= 0)
		close(p->pipe[end]);
	p->pipe[end] = -1;
}

int stop(struct play *p)
{
	close_pipe(p, 1);
	channel_clear(&p->channel);
	return wait_for_end(p, PATIENCE_MS);
}

int logger_setup(void **state)
{
	struct play *p = calloc(1, sizeof *p);

	assert_non_null(p);
	p->channel.fd = -1;
	assert_int_equal(pipe2(p->pipe, O_CLOEXEC), 0);
	fcntl(p->pipe[1], F_SETFL, O_NONBLOCK);
	snprintf(p->file, sizeof p->file, "/tmp/logger-test.%d", (int)getpid());
	log_init(p->pipe[1], "worker.1", LOG_LEVEL_INFO);
	*state = p;
	return 0;
}

int logger_teardown(void **state)
{
	struct play *p = *state;

	if (p->pid > 0) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
	}
	channel_clear(&p->channel);
	ledger_clear(&p->ledger);
	close_pipe(p, 0);
	close_pipe(p, 1);
	unlink(p->file);
	free(p);
	return 0;
}

const char *file_text(const struct play *p)
{
	static char text[1 << 20];
	int fd = open(p->file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

const char *wait_for_text(const struct play *p, const char *what)
{
	const char *text = file_text(p);

	for (int ms = 0; !strstr(text, what) && ms < PATIENCE_MS; ms += 5) {
		pause_ms(5);
		text = file_text(p);
	}
	if (!strstr(text, what))
		fail_msg("the log has not \"%s\" but: %.2000s", what, text);
	return text;
}

uint64_t lost_by_ledger(const struct play *p)
{
	return ledger_get(&p->ledger.head->counters[COUNT_LOG_DROPPED]);
}

void wait_for_lost(const struct play *p, uint64_t n)
{
	for (int ms = 0; lost_by_ledger(p) < n && ms < PATIENCE_MS; ms += 5)
		pause_ms(5);
	assert_int_equal(lost_by_ledger(p), n);
}

bool mount_empty(const char *path, const char *options)
{
	if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("none", path, "tmpfs", 0, options) == 0)
		return true;
	print_message("# may not mount on %s: not tested\n", path);
	return false;
}
