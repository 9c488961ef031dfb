/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/client.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/addr.h"

#define ANSWER_MAX (16u << 20)	/* no answer of ours is near that long */

struct client {
	int fd, deadline_ms;
	json_int_t id;		/* of the last request */
	char *in;
	size_t size, cap;
};

/* Why not, in words that say what to do. */
static void explain(const char *path, int error, char *err, size_t errsize)
{
	struct stat st;
	const struct group *gr = error == EACCES && stat(path, &st) == 0 ? getgrgid(st.st_gid) : NULL;

	if (error == ENOENT)
		snprintf(err, errsize, "there is no socket %s: is tlsward running? If its configuration names another control.socket, give it with -s or in TLSWARD_SOCKET", path);
	else if (error == ECONNREFUSED && stat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		snprintf(err, errsize, "%s is no socket", path);
	else if (error == ECONNREFUSED)
		snprintf(err, errsize, "nobody answers on %s: tlsward has stopped", path);
	else if (error == EAGAIN)
		snprintf(err, errsize, "nobody takes the connection to %s: is tlsward's first process stopped?", path);
	else if (gr)
		snprintf(err, errsize, "no permission to use %s: it is for its owner and for members of the group \"%s\"", path, gr->gr_name);
	else if (error == EACCES)
		snprintf(err, errsize, "no permission to use %s: it is for the user that started tlsward, and for the group named in control.group", path);
	else
		snprintf(err, errsize, "cannot connect to %s: %s", path, strerror(error));
}

struct client *client_connect(const char *path, char *err, size_t errsize)
{
	const struct timeval wait = { .tv_sec = CLIENT_DEADLINE_MS / 1000 };
	struct addr a;
	struct client *c;

	if (addr_from_path(&a, path) < 0) {
		snprintf(err, errsize, "the path of a socket has at most 107 bytes: %s", path);
		return NULL;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* Connecting waits, too, when nobody accepts (unix(7)). */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) < 0 || connect(fd, (const struct sockaddr *)&a.ss, a.len) < 0) {
		explain(path, errno, err, errsize);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	c = calloc(1, sizeof *c);
	if (!c) {
		snprintf(err, errsize, "out of memory");
		close(fd);
		return NULL;
	}
	c->fd = fd;
	c->deadline_ms = CLIENT_DEADLINE_MS;
	return c;
}

void client_set_deadline(struct client *c, int ms)
{
	c->deadline_ms = ms;
}

void client_close(struct client *c)
{
	if (!c)
		return;
	close(c->fd);
	free(c->in);
	free(c);
}

static int send_all(struct client *c, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = send(c->fd, text, size, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

static int send_request(struct client *c, const char *method, json_t *params)
{
	json_t *request = json_pack("{s:s, s:I, s:s}", "jsonrpc", "2.0", "id", ++c->id, "method", method);

	if (params)
		json_object_set_new(request, "params", params);
	char *text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (!text)
		return -ENOMEM;
	int rc = send_all(c, text, strlen(text));
	/* A server that refuses us has closed already, but its words can be read. */
	if (rc == 0)
		rc = send_all(c, "\n", 1);
	free(text);
	return rc == -EPIPE ? 0 : rc;
}

static int grow(struct client *c)
{
	size_t cap = c->cap ? 2 * c->cap : 65536;
	char *in = cap <= ANSWER_MAX ? realloc(c->in, cap) : NULL;

	if (!in)
		return -EMSGSIZE;
	c->in = in;
	c->cap = cap;
	return 0;
}

/* Reads what there is, waiting for it; -EPIPE at the end. */
static int read_more(struct client *c, int deadline_ms)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	int ready = poll(&p, 1, deadline_ms);

	if (ready == 0)
		return -ETIMEDOUT;
	if (ready < 0)
		return -errno;
	if (c->size == c->cap && grow(c) < 0)
		return -EMSGSIZE;
	ssize_t n = recv(c->fd, c->in + c->size, c->cap - c->size, 0);
	if (n <= 0)
		return n == 0 ? -EPIPE : -errno;
	c->size += (size_t)n;
	return 0;
}

/* One line; what follows it stays. deadline_ms: -1 for none. */
static int read_object(struct client *c, int deadline_ms, json_t **object)
{
	char *newline;
	size_t seen = 0;

	while (!(newline = c->size > seen ? memchr(c->in + seen, '\n', c->size - seen) : NULL)) {
		seen = c->size;
		int rc = read_more(c, deadline_ms);
		if (rc < 0)
			return rc;
	}
	size_t used = (size_t)(newline - c->in) + 1;
	*object = json_loadb(c->in, used, 0, NULL);
	c->size -= used;
	memmove(c->in, c->in + used, c->size);
	return json_is_object(*object) ? 0 : -EBADMSG;
}

static enum client_result lost(const struct client *c, int rc, char *err, size_t errsize)
{
	if (rc == -ETIMEDOUT)
		snprintf(err, errsize, "tlsward did not answer within %d s; is its first process stopped?", c->deadline_ms / 1000);
	else if (rc == -EPIPE || rc == -ECONNRESET)
		snprintf(err, errsize, "tlsward closed the connection without an answer");
	else if (rc == -EBADMSG)
		snprintf(err, errsize, "the answer is no JSON-RPC; is this tlsward's control socket?");
	else
		snprintf(err, errsize, "no answer: %s", strerror(-rc));
	return CLIENT_LOST;
}

enum client_result client_call(struct client *c, const char *method, json_t *params, json_t **result,
	char *err, size_t errsize)
{
	json_t *answer = NULL;
	int rc = send_request(c, method, params);

	*result = NULL;
	if (rc == 0)
		rc = read_object(c, c->deadline_ms, &answer);
	const json_t *error = json_object_get(answer, "error");
	const char *message = json_string_value(json_object_get(error, "message"));
	if (rc == 0 && !error && !json_is_object(json_object_get(answer, "result")))
		rc = -EBADMSG;
	if (rc == 0 && error)
		*result = json_incref(json_object_get(error, "data"));
	if (rc == 0 && error)
		snprintf(err, errsize, "%s", message ? message : "the server answered an error without a message");
	else if (rc == 0)
		*result = json_incref(json_object_get(answer, "result"));
	json_decref(answer);
	if (rc < 0)
		return lost(c, rc, err, errsize);
	return error ? CLIENT_ERROR : CLIENT_OK;
}

enum client_result client_next_event(struct client *c, json_t **params, char *err, size_t errsize)
{
	json_t *event = NULL;
	int rc = read_object(c, -1, &event);

	*params = json_incref(json_object_get(event, "params"));
	if (rc == 0 && !json_is_object(*params))
		rc = -EBADMSG;
	json_decref(event);
	if (rc == -EPIPE || rc == -ECONNRESET)
		snprintf(err, errsize, "tlsward has closed the connection");
	else if (rc < 0)
		lost(c, rc, err, errsize);
	return rc < 0 ? CLIENT_LOST : CLIENT_OK;
}
