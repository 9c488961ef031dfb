/* SPDX-License-Identifier: BSD-2-Clause */
/* Sinks that are a descriptor: the supervisor's stderr, or a file opened for appending. */
#include "workers/logger/sink.h"

#include <errno.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

/* Others may have made a shared stderr non-blocking: waits until it takes more. */
static void wait_writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	poll(&p, 1, -1);
}

static void skip(struct iovec *v, int n, size_t written)
{
	for (int i = 0; i < n; i++) {
		size_t part = written < v[i].iov_len ? written : v[i].iov_len;
		v[i].iov_base = (char *)v[i].iov_base + part;
		v[i].iov_len -= part;
		written -= part;
	}
}

static int fd_write(struct sink *s, const struct sink_line *l)
{
	char newline = '\n';
	struct iovec v[] = {
		{ &newline, s->torn },	/* the half line before is not to run into this one */
		{ (char *)(size_t)l->text, l->size },
		{ &newline, 1 },
	};
	size_t left = s->torn + l->size + 1;

	while (left > 0) {
		ssize_t n = writev(s->fd, v, 3);
		if (n > 0) {
			s->torn = (size_t)n < left;
			left -= (size_t)n;
			skip(v, 3, (size_t)n);
		} else if (n < 0 && errno == EAGAIN) {
			wait_writable(s->fd);
		} else if (n == 0 || errno != EINTR) {
			return n == 0 ? -EIO : -errno;
		}
	}
	return 0;
}

const struct sink_ops sink_stderr = {
	.name = "stderr", .needs_fd = true, .needs_ts = true, .write = fd_write,
};
const struct sink_ops sink_file = {
	.name = "file", .needs_fd = true, .needs_ts = true, .write = fd_write,
};
