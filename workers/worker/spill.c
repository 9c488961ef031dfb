/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/spill.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int make_room(struct spill *s, size_t size)
{
	if (s->pos > 0) {
		memmove(s->data, s->data + s->pos, spill_left(s));
		s->size -= s->pos;
		s->pos = 0;
	}
	if (s->size + size <= s->cap)
		return 0;
	uint8_t *data = realloc(s->data, s->size + size);
	if (!data)
		return -ENOMEM;
	s->data = data;
	s->cap = s->size + size;
	return 0;
}

int spill_append(struct spill *s, const void *data, size_t size, size_t limit, size_t *total)
{
	if (size == 0)
		return 0;
	if (spill_left(s) + size > limit)
		return -EFBIG;
	int rc = make_room(s, size);
	if (rc < 0)
		return rc;
	memcpy(s->data + s->size, data, size);
	s->size += size;
	*total += size;
	return 0;
}

int spill_flush(struct spill *s, int fd, size_t *sent, size_t *total)
{
	*sent = 0;
	while (spill_left(s) > 0) {
		ssize_t n = send(fd, s->data + s->pos, spill_left(s), MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		s->pos += (size_t)n;
		*sent += (size_t)n;
		*total -= (size_t)n;
	}
	spill_clear(s, total);
	return 0;
}

void spill_clear(struct spill *s, size_t *total)
{
	*total -= spill_left(s);
	free(s->data);
	*s = (struct spill){ 0 };
}
