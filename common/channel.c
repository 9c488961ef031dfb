/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct channel_entry {
	struct channel_entry *next;
	size_t size;
	int nfds;
	int fds[FDPASS_MAX];
	uint8_t data[];
};

int channel_pair(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return -errno;
	return 0;
}

void channel_init(struct channel *ch, int fd)
{
	*ch = (struct channel){ .fd = fd };
	ch->tail = &ch->head;
	if (fd >= 0)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void entry_free(struct channel_entry *e)
{
	for (int i = 0; i < e->nfds; i++)
		close(e->fds[i]);
	free(e);
}

static void drop_head(struct channel *ch)
{
	struct channel_entry *e = ch->head;

	ch->head = e->next;
	if (!ch->head)
		ch->tail = &ch->head;
	ch->pending--;
	entry_free(e);
}

void channel_clear(struct channel *ch)
{
	while (ch->head)
		drop_head(ch);
	if (ch->fd >= 0)
		close(ch->fd);
	ch->fd = -1;
}

static int enqueue(struct channel *ch, const void *data, size_t size, const int *fds, int nfds)
{
	if (ch->pending >= CHANNEL_QUEUE_MAX)
		return -ENOBUFS;
	struct channel_entry *e = calloc(1, sizeof *e + size);
	if (!e)
		return -ENOMEM;
	memcpy(e->data, data, size);
	e->size = size;
	for (int i = 0; i < nfds; i++) {
		int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
		if (fd < 0) {
			int err = -errno;
			entry_free(e);
			return err;
		}
		e->fds[e->nfds++] = fd;
	}
	*ch->tail = e;
	ch->tail = &e->next;
	ch->pending++;
	return 0;
}

int channel_send(struct channel *ch, const void *data, size_t size, const int *fds, int nfds)
{
	if (ch->fd < 0)
		return -EPIPE;
	if (size == 0 || size > CHANNEL_PACKET_MAX || nfds < 0 || nfds > FDPASS_MAX)
		return -EMSGSIZE;
	if (!ch->head) {
		int rc = fdpass_send(ch->fd, data, size, fds, nfds);
		if (rc != -EAGAIN)
			return rc;
	}
	return enqueue(ch, data, size, fds, nfds);
}

int channel_flush(struct channel *ch)
{
	while (ch->head) {
		struct channel_entry *e = ch->head;
		int rc = fdpass_send(ch->fd, e->data, e->size, e->fds, e->nfds);
		if (rc < 0)
			return rc;
		drop_head(ch);
	}
	return 0;
}

int channel_pending(const struct channel *ch)
{
	return ch->pending;
}

int channel_recv(struct channel *ch, struct packet *p)
{
	p->nfds = 0;
	ssize_t n = fdpass_recv(ch->fd, p->data, sizeof p->data, p->fds, &p->nfds);
	if (n < 0)
		return (int)n;
	if (n == 0) {
		packet_close_fds(p);	/* an empty packet may carry some, too */
		return -EPIPE;
	}
	p->size = (size_t)n;
	return 0;
}

int channel_recv_wait(struct channel *ch, struct packet *p, int timeout_ms)
{
	struct pollfd pfd = { .fd = ch->fd, .events = POLLIN };

	p->nfds = 0;
	for (;;) {
		int n = poll(&pfd, 1, timeout_ms);
		if (n == 0)
			return -ETIMEDOUT;
		if (n < 0 && errno != EINTR)
			return -errno;
		int rc = n > 0 ? channel_recv(ch, p) : -EAGAIN;
		if (rc != -EAGAIN)
			return rc;
	}
}

void packet_close_fds(struct packet *p)
{
	for (int i = 0; i < p->nfds; i++)
		if (p->fds[i] >= 0)
			close(p->fds[i]);
	p->nfds = 0;
}

int packet_take_fd(struct packet *p, int i)
{
	if (i < 0 || i >= p->nfds)
		return -1;
	int fd = p->fds[i];
	p->fds[i] = -1;
	return fd;
}
