/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/logger/lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void lines_init(struct lines *l, int fd)
{
	l->fd = fd;
	l->size = 0;
}

int lines_read(struct lines *l, void (*on_line)(void *arg, const char *line, size_t size), void *arg)
{
	size_t room = sizeof l->data - l->size;
	ssize_t n;

	do
		n = read(l->fd, l->data + l->size, room);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	l->size += (size_t)n;

	char *at = l->data, *end = l->data + l->size, *newline;
	while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
		on_line(arg, at, (size_t)(newline - at));
		at = newline + 1;
	}
	size_t rest = (size_t)(end - at);
	if (rest > 0 && (n == 0 || rest == sizeof l->data)) {
		on_line(arg, at, rest);
		rest = 0;
	}
	memmove(l->data, at, rest);
	l->size = rest;
	return n == 0 ? 0 : (size_t)n < room ? 1 : 2;
}
