/* SPDX-License-Identifier: BSD-2-Clause */
/* Sinks that are a descriptor: the supervisor's stderr, or a file opened for appending. */
#include "workers/logger/sink.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* Others may have made a shared stderr non-blocking: waits until it takes more. */
static void wait_writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	poll(&p, 1, -1);
}

static int fd_write(struct sink *s, const struct sink_line *l)
{
	/* The half line before is not to run into this one. */
	bool torn = s->torn && s->kept_size == 0;

	if (sizeof s->kept - s->kept_size < torn + l->size + 1)
		return -ENOBUFS;
	if (torn)
		s->kept[s->kept_size++] = '\n';
	memcpy(s->kept + s->kept_size, l->text, l->size);
	s->kept_size += l->size;
	s->kept[s->kept_size++] = '\n';
	return 0;
}

/* A line that is written in part is lost, too. */
static unsigned lines_in(const char *text, size_t size)
{
	unsigned n = 0;

	for (size_t i = 0; i < size; i++)
		n += text[i] == '\n';
	return n;
}

static int fd_flush(struct sink *s, unsigned *lost)
{
	bool ends_torn = s->torn && s->kept_size > 0;	/* by its first byte */
	size_t done = 0;
	int rc = 0;

	while (rc == 0 && done < s->kept_size) {
		ssize_t n = write(s->fd, s->kept + done, s->kept_size - done);
		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			wait_writable(s->fd);
		else if (n == 0 || errno != EINTR)
			rc = n == 0 ? -EIO : -errno;
	}
	if (done > 0)
		s->torn = s->kept[done - 1] != '\n';
	*lost = lines_in(s->kept + done, s->kept_size - done) - (ends_torn && done == 0 && rc < 0);
	s->kept_size = 0;
	return rc;
}

const struct sink_ops sink_stderr = {
	.name = "stderr", .needs_fd = true, .needs_ts = true, .write = fd_write, .flush = fd_flush,
};
const struct sink_ops sink_file = {
	.name = "file", .needs_fd = true, .needs_ts = true, .write = fd_write, .flush = fd_flush,
};
