/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/landlock.h"
#include "common/ledger.h"
#include "common/log.h"
#include "common/role.h"
#include "workers/librarian/challenge.h"
#include "workers/librarian/hook.h"

#define LOOK_MS 50		/* between two looks at what runs */
#define FILE_BYTES_MAX (1 << 20)	/* that uacme may write */
#define NOT_STARTED 127		/* exit status of a child that could not execute */
#define END_MS 300		/* for its end by itself: it has files to take away */

/* First byte of a request. */
enum { ASK_RUN, ASK_CHALLENGE };

/* What runs; fds: directory, hook, output, program. */
struct run {
	uint32_t id;		/* 0: free */
	pid_t pid;
	bool account;		/* it makes the account; the order comes after it */
	bool timed_out;
	uint64_t deadline_ns;
	int fds[4];
	char directory[1024], contact[256], confdir[64], csr[64];
	char file[CHALLENGE_PATH_MAX];	/* of its challenge; "": none */
};

struct runner {
	struct channel ch;
	bool sandbox;
	struct run runs[RUNNER_ORDERS_MAX];
};

/* ---- the other side ---- */

static void put_text(struct buf *b, const char *text)
{
	size_t n = strlen(text);

	buf_put_u16(b, (uint16_t)n);
	buf_put_bytes(b, text, n);
}

int runner_ask(struct channel *ch, const struct runner_request *q)
{
	const int fds[4] = { q->dir, q->hook, q->output, q->program };
	uint8_t bytes[2048];
	struct buf b;

	buf_init(&b, bytes, sizeof bytes);
	buf_put_u8(&b, ASK_RUN);
	buf_put_u32(&b, q->id);
	buf_put_u32(&b, q->timeout_ms);
	buf_put_u8(&b, q->new_account);
	put_text(&b, q->directory);
	put_text(&b, q->contact);
	put_text(&b, q->confdir);
	put_text(&b, q->csr);
	return b.failed ? -EMSGSIZE : channel_send(ch, bytes, b.size, fds, 4);
}

int runner_challenge(struct channel *ch, uint32_t id, const char *webroot, const char *token, const char *authorization)
{
	uint8_t bytes[MSG_PATH_MAX + HOOK_PACKET_MAX];
	struct buf b;

	buf_init(&b, bytes, sizeof bytes);
	buf_put_u8(&b, ASK_CHALLENGE);
	buf_put_u32(&b, id);
	put_text(&b, webroot);
	put_text(&b, token);
	put_text(&b, authorization);
	return b.failed ? -EBADMSG : channel_send(ch, bytes, b.size, NULL, 0);
}

int runner_result(struct channel *ch, struct runner_result *r)
{
	static struct packet p;
	struct buf b;
	int rc = channel_recv(ch, &p);

	if (rc < 0)
		return rc;
	packet_close_fds(&p);
	buf_init_read(&b, p.data, p.size);
	r->id = buf_get_u32(&b);
	r->how = buf_get_u8(&b);
	r->code = buf_get_u32(&b);
	r->account = buf_get_u8(&b);
	return b.failed ? -EPIPE : 0;
}

/* ---- in uacme's process ---- */

static void limit(int what, rlim_t value)
{
	const struct rlimit l = { value, value };

	setrlimit(what, &l);
}

/* Descriptors to their places: above them first, as one may lie in another's. */
static void place_descriptors(const struct run *r)
{
	static const int places[4] = { -1, RUNNER_HOOK_FD, STDERR_FILENO, RUNNER_PROGRAM_FD };
	int high[4];

	for (int i = 0; i < 4; i++)
		high[i] = fcntl(r->fds[i], F_DUPFD, 16);
	if (fchdir(high[0]) < 0)
		_exit(NOT_STARTED);
	int null = open("/dev/null", O_RDONLY);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(high[2], STDOUT_FILENO) < 0)
		_exit(NOT_STARTED);
	for (int i = 1; i < 4; i++)
		if (dup2(high[i], places[i]) < 0)
			_exit(NOT_STARTED);
	close_range(RUNNER_PROGRAM_FD + 1, ~0u, 0);
}

/*
 * It writes its folder and nothing else, and executes itself, its hook and the
 * dynamic loader: no shell. Where the kernel has no Landlock, its user is what
 * is left.
 */
static void confine(int dir)
{
	static const char *const loaders[] = { "/lib", "/lib64", "/usr/lib", "/usr/lib64" };
	struct landlock_place places[8] = {
		{ .fd = dir, .write = true }, { .fd = RUNNER_PROGRAM_FD, .execute = true },
		{ .fd = open("/dev/null", O_PATH | O_CLOEXEC), .write = true },
		{ .fd = open(UACME, O_PATH | O_CLOEXEC), .execute = true },
	};
	size_t n = 4;

	for (size_t i = 0; i < sizeof loaders / sizeof loaders[0]; i++) {
		int fd = open(loaders[i], O_PATH | O_CLOEXEC);
		if (fd >= 0)
			places[n++] = (struct landlock_place){ .fd = fd, .execute = true };
	}
	int rc = places[3].fd < 0 ? 0 : landlock_enter_places(places, n, LANDLOCK_READS_ALL);
	if (rc < 0 && rc != -ENOSYS && rc != -EOPNOTSUPP) {
		dprintf(STDERR_FILENO, "uacme cannot be confined: %s\n", strerror(-rc));
		_exit(NOT_STARTED);
	}
}

static void __attribute__((noreturn)) become_uacme(const struct run *r, pid_t parent, bool sandbox)
{
	char hook[32];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(NOT_STARTED);
	setpgid(0, 0);		/* its hook is killed with it */
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	place_descriptors(r);
	limit(RLIMIT_FSIZE, FILE_BYTES_MAX);
	limit(RLIMIT_CORE, 0);
	umask(077);
	if (sandbox)
		confine(open(".", O_PATH | O_CLOEXEC));
	snprintf(hook, sizeof hook, "/proc/self/fd/%d", RUNNER_PROGRAM_FD);
	if (!r->account)
		execl(UACME, "uacme", "-v", "-f", "-c", r->confdir, "-a", r->directory, "-h", hook, "issue", r->csr, (char *)NULL);
	else if (*r->contact)
		execl(UACME, "uacme", "-v", "-y", "-c", r->confdir, "-a", r->directory, "new", r->contact, (char *)NULL);
	else
		execl(UACME, "uacme", "-v", "-y", "-c", r->confdir, "-a", r->directory, "new", (char *)NULL);
	dprintf(STDERR_FILENO, "%s cannot be executed: %s\n", UACME, strerror(errno));
	_exit(NOT_STARTED);
}

/* ---- the runner ---- */

static void tell(struct runner *u, const struct run *r, enum runner_how how, uint32_t code)
{
	uint8_t bytes[16];
	struct buf b;

	buf_init(&b, bytes, sizeof bytes);
	buf_put_u32(&b, r->id);
	buf_put_u8(&b, (uint8_t)how);
	buf_put_u32(&b, code);
	buf_put_u8(&b, r->account);
	if (channel_send(&u->ch, bytes, b.size, NULL, 0) < 0)
		_exit(0);
}

static void remove_file(struct run *r)
{
	if (*r->file)
		unlink(r->file);
	*r->file = '\0';
}

static void run_clear(struct run *r)
{
	remove_file(r);
	for (int i = 0; i < 4; i++)
		if (r->fds[i] >= 0)
			close(r->fds[i]);
	*r = (struct run){ .fds = { -1, -1, -1, -1 } };
}

static void start(struct runner *u, struct run *r)
{
	pid_t self = getpid();

	r->pid = fork();
	if (r->pid == 0)
		become_uacme(r, self, u->sandbox);
	if (r->pid > 0)
		return;
	tell(u, r, RUNNER_NOT_STARTED, (uint32_t)errno);
	run_clear(r);
}

static void ended(struct runner *u, struct run *r, int status)
{
	if (r->account && !r->timed_out && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		r->account = false;
		start(u, r);
		return;
	}
	if (r->timed_out)
		tell(u, r, RUNNER_TIMED_OUT, 0);
	else if (WIFSIGNALED(status))
		tell(u, r, RUNNER_SIGNALLED, (uint32_t)WTERMSIG(status));
	else
		tell(u, r, RUNNER_EXITED, (uint32_t)WEXITSTATUS(status));
	run_clear(r);
}

/* The group: a hook must not go on alone. */
static void look_at(struct runner *u, struct run *r, uint64_t now_ns)
{
	int status;

	if (!r->timed_out && now_ns >= r->deadline_ns) {
		r->timed_out = true;
		kill(-r->pid, SIGKILL);
		kill(r->pid, SIGKILL);
	}
	if (waitpid(r->pid, &status, WNOHANG) == r->pid)
		ended(u, r, status);
}

static bool get_text(struct buf *b, char *text, size_t size)
{
	size_t n = buf_get_u16(b);
	const uint8_t *at = buf_get_bytes(b, n);

	if (!at || n >= size)
		return false;
	memcpy(text, at, n);
	text[n] = '\0';
	return true;
}

static struct run *run_by_id(struct runner *u, uint32_t id)
{
	for (int i = 0; i < RUNNER_ORDERS_MAX; i++)
		if (u->runs[i].id == id)
			return &u->runs[i];
	return NULL;
}

static bool decode(struct buf *b, struct run *r)
{
	r->id = buf_get_u32(b);
	r->deadline_ns = ledger_now_ns() + buf_get_u32(b) * 1000000ull;
	r->account = buf_get_u8(b);
	return get_text(b, r->directory, sizeof r->directory) && get_text(b, r->contact, sizeof r->contact) &&
		get_text(b, r->confdir, sizeof r->confdir) && get_text(b, r->csr, sizeof r->csr) && r->id != 0;
}

static bool take_run(struct runner *u, struct buf *b, struct packet *p)
{
	struct run *r = run_by_id(u, 0);

	if (!r || p->nfds != 4 || !decode(b, r))
		return false;
	for (int i = 0; i < 4; i++)
		r->fds[i] = packet_take_fd(p, i);
	start(u, r);
	return true;
}

/* Whose run has ended meanwhile waits for nothing any more. */
static bool take_challenge(struct runner *u, struct buf *b)
{
	char webroot[MSG_PATH_MAX + 1], token[HOOK_PACKET_MAX], authorization[HOOK_PACKET_MAX];
	uint32_t id = buf_get_u32(b);
	struct run *r = run_by_id(u, id);

	if (id == 0 || !get_text(b, webroot, sizeof webroot) || !get_text(b, token, sizeof token) ||
	    !get_text(b, authorization, sizeof authorization))
		return false;
	if (!r)
		return true;
	remove_file(r);
	int rc = challenge_put(webroot, token, authorization, r->file);
	if (rc < 0)
		*r->file = '\0';
	tell(u, r, RUNNER_CHALLENGE, (uint32_t)-rc);
	return true;
}

static void take(struct runner *u, struct packet *p)
{
	struct buf b;

	buf_init_read(&b, p->data, p->size);
	uint8_t what = buf_get_u8(&b);
	bool good = what == ASK_RUN ? take_run(u, &b, p) : what == ASK_CHALLENGE && take_challenge(u, &b);
	if (!good)
		_exit(1);	/* the librarian has gone wrong, and ends when it sees this end */
}

/* What runs dies with us. */
static void __attribute__((noreturn)) end(struct runner *u)
{
	for (int i = 0; i < RUNNER_ORDERS_MAX; i++)
		remove_file(&u->runs[i]);
	_exit(0);
}

static int running(const struct runner *u)
{
	int n = 0;

	for (int i = 0; i < RUNNER_ORDERS_MAX; i++)
		n += u->runs[i].id != 0;
	return n;
}

static void turn(struct runner *u)
{
	struct pollfd fd = { .fd = u->ch.fd, .events = POLLIN | (channel_pending(&u->ch) > 0 ? POLLOUT : 0) };
	static struct packet p;
	int rc = -EAGAIN;

	poll(&fd, 1, running(u) > 0 ? LOOK_MS : -1);
	channel_flush(&u->ch);
	if (fd.revents)
		rc = channel_recv(&u->ch, &p);
	if (rc == 0) {
		take(u, &p);
		packet_close_fds(&p);
	} else if (rc != -EAGAIN) {
		end(u);
	}
	uint64_t now_ns = ledger_now_ns();
	for (int i = 0; i < RUNNER_ORDERS_MAX; i++)
		if (u->runs[i].id != 0)
			look_at(u, &u->runs[i], now_ns);
}

static void __attribute__((noreturn)) serve(int fd, pid_t librarian, bool sandbox)
{
	static struct runner u;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != librarian)
		_exit(0);
	prctl(PR_SET_NAME, "tlsw-orders");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* Who holds a copy of the channel would keep its end from being seen. */
	close(ROLE_CHANNEL_FD);
	signal(SIGINT, SIG_IGN);	/* they reach the supervisor, whose end ends the librarian */
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < RUNNER_ORDERS_MAX; i++)
		u.runs[i] = (struct run){ .fds = { -1, -1, -1, -1 } };
	u.sandbox = sandbox;
	channel_init(&u.ch, fd);
	for (;;)
		turn(&u);
}

/* By the channel's end; one that hangs on a disk is killed. */
void runner_stop(struct channel *ch, pid_t pid)
{
	const struct timespec nap = { .tv_nsec = 1000000 };
	pid_t ended = 0;

	shutdown(ch->fd, SHUT_RDWR);
	channel_clear(ch);
	for (int ms = 0; ms < END_MS && ended == 0; ms++) {
		ended = waitpid(pid, NULL, WNOHANG);
		if (ended == 0)
			nanosleep(&nap, NULL);
	}
	if (ended == 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

int runner_start(struct channel *ch, pid_t *runner, bool sandbox)
{
	int pair[2];
	pid_t self = getpid();
	int rc = channel_pair(pair);

	if (rc < 0)
		return rc;
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		serve(pair[1], self, sandbox);
	}
	rc = pid < 0 ? -errno : 0;
	close(pair[1]);
	if (rc < 0)
		close(pair[0]);
	else
		channel_init(ch, pair[0]);
	*runner = pid;
	return rc;
}
