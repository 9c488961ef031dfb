/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clients of the control socket: accepting, lines in, answers out, and cutting
 * those that misbehave. One request per client and turn of the loop, so that a
 * client that sends thousands at once holds nothing else up.
 */
#include "supervisor/control.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/control_client.h"

#define ACCEPT_PAUSE_S 1.0	/* after running out of descriptors */
#define PROBE_S 1.0

static void client_free(struct client *c)
{
	struct control *ctl = c->control;
	struct client **at = &ctl->clients;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	ctl->clients_n--;
	ev_io_stop(ctl->s->loop, &c->io);
	ev_timer_stop(ctl->s->loop, &c->stall);
	ev_timer_stop(ctl->s->loop, &c->again);
	close(c->io.fd);
	free(c->out);
	later_forget(ctl, c->number);
	events_forget(c);
	free(c);
}

static void cut(struct client *c, const char *why)
{
	log_notice("control socket: a client is cut: %s", why);
	client_free(c);
}

/* json_dump_callback_t */
static int append(const char *data, size_t size, void *user)
{
	struct client *c = user;

	if (c->out_end + size > c->out_cap) {
		size_t cap = 2 * c->out_cap > c->out_end + size ? 2 * c->out_cap : c->out_end + size + 4096;
		char *out = realloc(c->out, cap);
		if (!out)
			return -1;
		c->out = out;
		c->out_cap = cap;
	}
	memcpy(c->out + c->out_end, data, size);
	c->out_end += size;
	return 0;
}

/* Takes answer. Without memory half an answer may stand in the output: it is the last. */
static void put_answer(struct client *c, json_t *answer)
{
	if (!answer || json_dump_callback(answer, append, c, JSON_COMPACT) < 0 || append("\n", 1, c) < 0)
		c->broken = true;
	json_decref(answer);
}

/* 0, or a negative errno when the client is gone. */
static int flush(struct client *c)
{
	struct ev_loop *loop = c->control->s->loop;

	while (c->out_pos < c->out_end) {
		ssize_t n = send(c->io.fd, c->out + c->out_pos, c->out_end - c->out_pos, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n < 0) {
			if (!ev_is_active(&c->stall))
				ev_timer_again(loop, &c->stall);
			return 0;
		}
		c->out_pos += (size_t)n;
		ev_timer_stop(loop, &c->stall);
	}
	/* Nothing waits: give the memory of a long answer back. */
	free(c->out);
	c->out = NULL;
	c->out_pos = c->out_end = c->out_cap = 0;
	return 0;
}

/* 0, or a negative errno when the client is gone. */
static int fill(struct client *c)
{
	memmove(c->in, c->in + c->in_pos, c->in_end - c->in_pos);
	c->in_end -= c->in_pos;
	c->in_pos = 0;
	ssize_t n = recv(c->io.fd, c->in + c->in_end, sizeof c->in - c->in_end, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	c->in_end += (size_t)n;
	c->eof = n == 0;
	return 0;
}

static bool is_blank(const char *line, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!strchr(" \t\r", line[i]) || line[i] == '\0')
			return false;
	return true;
}

/* The next line that is not blank; the last one may lack its newline. NULL: none yet. */
static const char *next_line(struct client *c, size_t *size)
{
	while (c->in_pos < c->in_end) {
		char *line = c->in + c->in_pos, *newline = memchr(line, '\n', c->in_end - c->in_pos);
		if (!newline && !c->eof)
			return NULL;
		*size = newline ? (size_t)(newline - line) : c->in_end - c->in_pos;
		c->in_pos += *size + (newline ? 1 : 0);
		if (!is_blank(line, *size))
			return line;
	}
	return NULL;
}

static void answer_one(struct client *c)
{
	struct caller caller = { .right = c->right, .uid = c->uid, .control = c->control, .client = c->number };
	size_t size;
	const char *line = next_line(c, &size);

	if (!line)
		return;
	json_t *answer = rpc_answer(c->control->s, &caller, line, size);
	if (answer)
		put_answer(c, answer);
}

static bool has_line(const struct client *c)
{
	size_t n = c->in_end - c->in_pos;

	return n > 0 && (c->eof || memchr(c->in + c->in_pos, '\n', n));
}

static void turn_after(struct client *c, double s)
{
	ev_timer_stop(c->control->s->loop, &c->again);
	ev_timer_set(&c->again, s, 0.);
	ev_timer_start(c->control->s->loop, &c->again);
}

void client_again(struct client *c)
{
	turn_after(c, 0.);
}

struct client *client_find(const struct control *ctl, uint64_t number)
{
	struct client *c = ctl->clients;

	while (c && c->number != number)
		c = c->next;
	return c;
}

/* In the next turn of the loop: the caller may be a handler of this very client. */
void client_put(struct client *c, json_t *answer)
{
	put_answer(c, answer);
	client_again(c);
}

/* Watches for what it can go on with: the next line, more bytes, room for output. */
static void arm(struct client *c)
{
	struct ev_loop *loop = c->control->s->loop;

	if (c->follows && client_waiting(c) == 0)
		events_caught_up(c);
	bool line = has_line(c);
	int events = (line || c->eof ? 0 : EV_READ) | (client_waiting(c) > 0 ? EV_WRITE : 0);

	ev_io_stop(loop, &c->io);
	ev_io_modify(&c->io, events);
	if (events)
		ev_io_start(loop, &c->io);
	if (line)
		client_again(c);
	else if (c->eof && !ev_is_active(&c->again))
		turn_after(c, PROBE_S);
}

/* It sends no more, but something is still to come for it. */
static bool is_due_something(const struct client *c)
{
	return has_line(c) || client_waiting(c) > 0 || c->later_n > 0 || c->follows;
}

/* One that has only shut its sending side still reads; nobody tells when that ends, too. */
static bool has_hung_up(const struct client *c)
{
	struct pollfd p = { .fd = c->io.fd };

	return c->eof && poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR);
}

static void refuse(struct client *c, int code, const char *why)
{
	put_answer(c, rpc_error(NULL, code, why));
	flush(c);
	cut(c, why);
}

/* A turn of one client; it may be gone afterwards. */
static void turn(struct client *c)
{
	answer_one(c);
	if (c->broken)
		cut(c, "out of memory");
	else if (flush(c) < 0)
		client_free(c);
	else if (client_waiting(c) > CONTROL_OUTPUT_MAX)
		cut(c, "it does not read its answers");
	else if (!has_line(c) && c->in_end - c->in_pos >= sizeof c->in)
		refuse(c, RPC_INVALID_REQUEST, "a request is at most 65536 bytes, and ends with a newline");
	else if (c->eof && (!is_due_something(c) || has_hung_up(c)))
		client_free(c);
	else
		arm(c);
}

static void on_io(struct ev_loop *loop, ev_io *w, int revents)
{
	struct client *c = w->data;

	(void)loop;
	if ((revents & EV_READ) && fill(c) < 0)
		client_free(c);
	else
		turn(c);
}

static void on_again(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop; (void)revents;
	turn(w->data);
}

static void on_stall(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop; (void)revents;
	cut(w->data, "it does not read its answers");
}

/* Takes fd. */
static struct client *client_new(struct control *ctl, int fd)
{
	struct client *c = malloc(sizeof *c);

	if (!c) {
		close(fd);
		return NULL;
	}
	/* Not zeroed as a whole: pages of `in` that are not used are not touched. */
	memset(c, 0, offsetof(struct client, in));
	c->control = ctl;
	c->number = ++ctl->numbers;
	c->next = ctl->clients;
	ctl->clients = c;
	ctl->clients_n++;
	ev_io_init(&c->io, on_io, fd, EV_READ);
	ev_timer_init(&c->stall, on_stall, 0., CONTROL_STALL_S);
	ev_timer_init(&c->again, on_again, 0., 0.);
	c->io.data = c->stall.data = c->again.data = c;
	ev_io_start(ctl->s->loop, &c->io);
	return c;
}

static void on_pause_over(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct control *ctl = w->data;

	(void)revents;
	ev_io_start(loop, &ctl->listen);
}

/* Without the pause the loop would spin on what it cannot accept. */
static void accept_failed(struct control *ctl, int error)
{
	if (error == EAGAIN || error == EINTR || error == ECONNABORTED)
		return;
	log_warning("control socket: cannot accept: %s; trying again in %g s", strerror(error), ACCEPT_PAUSE_S);
	ev_io_stop(ctl->s->loop, &ctl->listen);
	ev_timer_set(&ctl->pause, ACCEPT_PAUSE_S, 0.);
	ev_timer_start(ctl->s->loop, &ctl->pause);
}

static void on_connect(struct ev_loop *loop, ev_io *w, int revents)
{
	struct control *ctl = w->data;

	(void)loop; (void)revents;
	int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		accept_failed(ctl, errno);
		return;
	}
	struct client *c = client_new(ctl, fd);
	if (!c)
		return;
	c->right = rights_of_peer(&ctl->rights, fd, &c->uid);
	if (c->right == RIGHT_NONE)
		refuse(c, RPC_NOT_ALLOWED, "the users that tlsward's roles run as may not use the control socket");
	else if (ctl->clients_n > CONTROL_CLIENTS_MAX)
		refuse(c, RPC_TOO_MANY_CLIENTS, "too many clients of the control socket; try again when one has gone");
}

struct control *control_new(struct supervisor *s, int fd)
{
	struct control *ctl = calloc(1, sizeof *ctl);
	struct stat st;

	if (!ctl)
		return NULL;
	int rc = rights_init(&ctl->rights, s->conf);
	if (rc < 0) {
		free(ctl);
		errno = -rc;
		return NULL;
	}
	if (lstat(s->conf->control.socket, &st) == 0) {
		ctl->dev = st.st_dev;
		ctl->ino = st.st_ino;
	}
	ctl->s = s;
	ev_io_init(&ctl->listen, on_connect, fd, EV_READ);
	ev_timer_init(&ctl->pause, on_pause_over, ACCEPT_PAUSE_S, 0.);
	ctl->listen.data = ctl->pause.data = ctl;
	later_init(ctl);
	ev_io_start(s->loop, &ctl->listen);
	return ctl;
}

/* A successor may have put its own socket there. */
static void unlink_own(const struct control *ctl)
{
	const char *path = ctl->s->conf->control.socket;
	struct stat st;

	if (ctl->ino != 0 && lstat(path, &st) == 0 && st.st_dev == ctl->dev && st.st_ino == ctl->ino)
		unlink(path);
}

void control_free(struct control *ctl)
{
	if (!ctl)
		return;
	while (ctl->clients)
		client_free(ctl->clients);
	ev_io_stop(ctl->s->loop, &ctl->listen);
	ev_timer_stop(ctl->s->loop, &ctl->pause);
	later_clear(ctl);
	unlink_own(ctl);
	close(ctl->listen.fd);
	rights_clear(&ctl->rights);
	free(ctl);
}
