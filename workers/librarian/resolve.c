/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/ledger.h"
#include "common/names.h"
#include "common/role.h"

#define REPLY_MAX 2048	/* below PIPE_BUF: a child writes it in one piece */

/* First byte of a child's reply; then addresses as in resolve_ans, or text. */
enum { REPLY_ADDRS, REPLY_ERROR };

static size_t put_addrs(struct buf *b, const struct addrinfo *list)
{
	int n = 0;

	buf_put_u8(b, REPLY_ADDRS);
	for (const struct addrinfo *at = list; at && n < RESOLVE_ADDRS_MAX; at = at->ai_next) {
		if (at->ai_family != AF_INET && at->ai_family != AF_INET6)
			continue;
		buf_put_u8(b, (uint8_t)at->ai_addrlen);
		buf_put_bytes(b, at->ai_addr, at->ai_addrlen);
		n++;
	}
	return b->size;
}

static size_t look_up(const char *host, uint8_t reply[REPLY_MAX])
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *list = NULL;
	struct buf b;

	buf_init(&b, reply, REPLY_MAX);
	int rc = getaddrinfo(host, NULL, &hints, &list);
	if (rc == 0)
		return put_addrs(&b, list);
	const char *why = rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc);
	buf_put_u8(&b, REPLY_ERROR);
	buf_put_bytes(&b, why, strlen(why));
	return b.size;
}

static void __attribute__((noreturn)) child(const char *host, int out)
{
	uint8_t reply[REPLY_MAX];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Who holds a copy of the channel would keep its end from being seen. */
	close(ROLE_CHANNEL_FD);
	size_t n = look_up(host, reply);
	_exit(write(out, reply, n) == (ssize_t)n ? 0 : 1);
}

static int start(struct resolve_child *c, uint32_t id, const char *host, uint64_t now_ns)
{
	int pipe_fds[2];

	if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		child(host, pipe_fds[1]);
	int err = errno;
	close(pipe_fds[1]);
	if (pid < 0) {
		close(pipe_fds[0]);
		return -err;
	}
	*c = (struct resolve_child){ .pid = pid, .fd = pipe_fds[0], .id = id,
		.deadline_ns = now_ns + RESOLVE_DEADLINE_MS * 1000000ull };
	snprintf(c->host, sizeof c->host, "%s", host);
	return 0;
}

static void answer_error(struct resolver *r, uint32_t id, const char *host, const char *why)
{
	char text[512];

	snprintf(text, sizeof text, "the name %s cannot be resolved: %.200s", host, why);
	r->answered(r->data, id, &(struct msg_resolve_ans){ .host = host, .error = text });
}

/* The child has nothing more to do: whatever it is doing, it goes. */
static void finish(struct resolve_child *c)
{
	close(c->fd);
	c->fd = -1;
	kill(c->pid, SIGKILL);
}

static void answer_reply(struct resolver *r, const struct resolve_child *c, uint8_t *reply, ssize_t n)
{
	if (n < 1)
		answer_error(r, c->id, c->host, "the process that asked for it died");
	else if (reply[0] == REPLY_ERROR) {
		reply[n] = '\0';
		answer_error(r, c->id, c->host, (const char *)reply + 1);
	} else if (n == 1)
		answer_error(r, c->id, c->host, "it has no IPv4 or IPv6 address");
	else
		r->answered(r->data, c->id, &(struct msg_resolve_ans){ .host = c->host,
			.addrs = { .data = reply + 1, .size = (size_t)n - 1 } });
}

static void child_turn(struct resolver *r, struct resolve_child *c, uint64_t now_ns)
{
	uint8_t reply[REPLY_MAX + 1];

	if (c->fd >= 0) {
		ssize_t n = read(c->fd, reply, REPLY_MAX);
		if (n >= 0 || (errno != EAGAIN && errno != EINTR)) {
			finish(c);
			answer_reply(r, c, reply, n);
		} else if (now_ns >= c->deadline_ns) {
			finish(c);
			answer_error(r, c->id, c->host, "no answer came within 5 s");
		}
	}
	if (c->fd < 0 && waitpid(c->pid, NULL, WNOHANG) != 0)
		c->pid = 0;
}

static struct resolve_child *free_child(struct resolver *r)
{
	for (int i = 0; i < RESOLVE_CHILDREN_MAX; i++)
		if (r->children[i].pid == 0)
			return &r->children[i];
	return NULL;
}

static void start_waiting(struct resolver *r, uint64_t now_ns)
{
	struct resolve_child *c;

	while (r->waiting_n > 0 && (c = free_child(r)) != NULL) {
		const struct resolve_wait w = r->waiting[r->first];
		r->first = (r->first + 1) % RESOLVE_WAITING_MAX;
		r->waiting_n--;
		int rc = start(c, w.id, w.host, now_ns);
		if (rc < 0)
			answer_error(r, w.id, w.host, strerror(-rc));
	}
}

void resolver_init(struct resolver *r, resolve_answered *answered, void *data)
{
	*r = (struct resolver){ .answered = answered, .data = data };
	for (int i = 0; i < RESOLVE_CHILDREN_MAX; i++)
		r->children[i].fd = -1;
}

void resolver_clear(struct resolver *r)
{
	for (int i = 0; i < RESOLVE_CHILDREN_MAX; i++) {
		struct resolve_child *c = &r->children[i];
		if (c->fd >= 0)
			finish(c);
		if (c->pid > 0)
			waitpid(c->pid, NULL, WNOHANG);
		c->pid = 0;
	}
	r->waiting_n = 0;
}

void resolver_ask(struct resolver *r, uint32_t id, const char *host)
{
	char name[NAME_BYTES];

	if (!name_normalize(host, strlen(host), false, name)) {
		answer_error(r, id, host, "it is no host name");
		return;
	}
	if (r->waiting_n == RESOLVE_WAITING_MAX) {
		answer_error(r, id, host, "too many names wait to be resolved");
		return;
	}
	struct resolve_wait *w = &r->waiting[(r->first + r->waiting_n++) % RESOLVE_WAITING_MAX];
	w->id = id;
	snprintf(w->host, sizeof w->host, "%s", host);
	start_waiting(r, ledger_now_ns());
}

void resolver_poll(const struct resolver *r, struct pollfd *fds)
{
	for (int i = 0; i < RESOLVE_CHILDREN_MAX; i++)
		fds[i] = (struct pollfd){ .fd = r->children[i].fd, .events = POLLIN };
}

void resolver_turn(struct resolver *r, uint64_t now_ns)
{
	for (int i = 0; i < RESOLVE_CHILDREN_MAX; i++)
		if (r->children[i].pid > 0)
			child_turn(r, &r->children[i], now_ns);
	start_waiting(r, now_ns);
}
