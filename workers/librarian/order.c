/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/order.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

	free(o->certificate);
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
