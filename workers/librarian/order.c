/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/order.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base64.h"

#define TOKEN_MAX 128		/* RFC 8555 8.3: base64url, at least 128 bits */
#define THUMBPRINT_CHARS 43	/* base64url of a SHA-256 */
#define DETAIL "\"detail\""

void order_init(struct order *o)
{
	*o = (struct order){ .hook = -1, .output = -1 };
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

bool order_end_challenge(struct order *o)
{
	bool served = o->certificate != NULL;

	if (o->file)
		unlink(o->file);
	free(o->file);
	free(o->certificate);
	o->file = NULL;
	o->certificate = NULL;
	o->certificate_size = 0;
	o->waits = ORDER_WAITS_NOT;
	return served;
}

void order_clear(struct order *o)
{
	order_end_challenge(o);
	close_one(&o->hook);
	close_one(&o->output);
	order_init(o);
}

int order_open(struct order *o, int *hook, int *output)
{
	int pair[2], ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	/* The hook waits in its read; we never do. */
	if (fcntl(pair[1], F_SETFL, 0) < 0 || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
		int rc = -errno;
		close(pair[0]);
		close(pair[1]);
		return rc;
	}
	fcntl(ends[1], F_SETFL, 0);
	o->hook = pair[0];
	o->output = ends[0];
	*hook = pair[1];
	*output = ends[1];
	return 0;
}

static void keep_end(struct order *o, const char *text, size_t n)
{
	size_t over = o->text_n + n > ORDER_OUTPUT_MAX ? o->text_n + n - ORDER_OUTPUT_MAX : 0;

	memmove(o->text, o->text + over, o->text_n - over);
	o->text_n -= over;
	memcpy(o->text + o->text_n, text, n);
	o->text_n += n;
	o->text[o->text_n] = '\0';
}

void order_read_output(struct order *o)
{
	char text[2048];
	ssize_t n;

	while (o->output >= 0 && (n = read(o->output, text, sizeof text)) != 0) {
		if (n > 0)
			keep_end(o, text, (size_t)n);
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR)
			break;
	}
	close_one(&o->output);
}

bool order_read_hook(struct order *o, char *packet, struct hook_call *call)
{
	ssize_t n = o->hook < 0 ? -1 : recv(o->hook, packet, HOOK_PACKET_MAX, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n > 0 && hook_parse(packet, (size_t)n, call))
		return true;
	if (n > 0)
		order_answer_hook(o, false);
	else
		close_one(&o->hook);
	return false;
}

void order_answer_hook(struct order *o, bool accepted)
{
	const unsigned char status = accepted ? 0 : 1;

	o->waits = ORDER_WAITS_NOT;
	if (o->hook >= 0 && send(o->hook, &status, 1, MSG_NOSIGNAL) != 1)
		close_one(&o->hook);
}

/* ---- http-01 ---- */

/* "TOKEN.THUMBPRINT", and nothing else (RFC 8555 8.1). */
static bool is_authorization(const struct hook_call *call)
{
	size_t n = strlen(call->token);

	return base64url_is(call->token, TOKEN_MAX) && strncmp(call->authorization, call->token, n) == 0 &&
		call->authorization[n] == '.' && base64url_is(call->authorization + n + 1, THUMBPRINT_CHARS);
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	size_t n = strlen(text);

	if (fd < 0)
		return -errno;
	ssize_t written = write(fd, text, n);
	int rc = written == (ssize_t)n ? 0 : written < 0 ? -errno : -ENOSPC;
	close(fd);
	return rc;
}

static int make_folders(const char *webroot, char *path, size_t size)
{
	static const char *const below[] = { "/.well-known", "/.well-known/acme-challenge" };	/* RFC 8555 8.3 */

	for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
		if (snprintf(path, size, "%s%s", webroot, below[i]) >= (int)size)
			return -ENAMETOOLONG;
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

int order_put_file(struct order *o, const char *webroot, const struct hook_call *call, const char **why)
{
	char path[MSG_PATH_MAX + TOKEN_MAX + 64];

	*why = "the challenge is not what RFC 8555 says";
	if (!is_authorization(call))
		return -EBADMSG;
	*why = "the file of the challenge cannot be written to acme.webroot";
	int rc = make_folders(webroot, path, MSG_PATH_MAX + 1);
	if (rc < 0)
		return rc;
	size_t n = strlen(path);
	snprintf(path + n, sizeof path - n, "/%s", call->token);
	order_end_challenge(o);
	rc = write_file(path, call->authorization);
	if (rc < 0)
		unlink(path);
	else if (!(o->file = strdup(path)))
		rc = -ENOMEM;
	return rc;
}

/* ---- what failed ---- */

/* Printable ASCII: a CA may have said anything. */
static void copy_line(const char *from, size_t n, char *text, size_t size)
{
	size_t at = 0;

	for (size_t i = 0; i < n && at + 1 < size; i++)
		text[at++] = from[i] >= ' ' && from[i] < 0x7f ? from[i] : '?';
	text[at] = '\0';
}

/* The value of the last "detail": "..." of a problem (RFC 7807). */
static bool find_detail(const char *output, char *text, size_t size)
{
	const char *found = NULL, *at = output;

	while ((at = strstr(at, DETAIL)) != NULL) {
		at += sizeof DETAIL - 1;
		found = at;
	}
	if (!found)
		return false;
	found += strspn(found, ": \t\n");
	if (*found++ != '"')
		return false;
	copy_line(found, strcspn(found, "\""), text, size);
	return *text != '\0';
}

void order_problem(const struct order *o, char *text, size_t size)
{
	size_t n = o->text_n;

	*text = '\0';
	if (find_detail(o->text, text, size))
		return;
	while (n > 0 && strchr(" \t\n", o->text[n - 1]))
		n--;
	size_t start = n;
	while (start > 0 && o->text[start - 1] != '\n')
		start--;
	copy_line(o->text + start, n - start, text, size);
}
