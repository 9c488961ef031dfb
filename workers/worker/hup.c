/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/hup.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 64

static void on_ready(struct ev_loop *loop, ev_io *w, int revents)
{
	struct hup *h = w->data;
	struct epoll_event events[EVENTS];

	(void)loop;
	(void)revents;
	int n = epoll_wait(h->epoll, events, EVENTS, 0);
	for (int i = 0; i < n; i++)
		h->callback(h->data, events[i].data.u64, events[i].events & EPOLLERR);
}

int hup_init(struct hup *h, struct ev_loop *loop, hup_callback *callback, void *data)
{
	*h = (struct hup){ .loop = loop, .callback = callback, .data = data };
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (h->epoll < 0)
		return -errno;
	ev_io_init(&h->io, on_ready, h->epoll, EV_READ);
	h->io.data = h;
	ev_io_start(loop, &h->io);
	return 0;
}

void hup_clear(struct hup *h)
{
	ev_io_stop(h->loop, &h->io);
	close(h->epoll);
}

int hup_add(struct hup *h, int fd, uint64_t tag, bool fin_was_read)
{
	/* EPOLLERR and EPOLLHUP need not be asked for. */
	struct epoll_event event = { .events = (fin_was_read ? 0 : EPOLLRDHUP) | EPOLLET, .data.u64 = tag };

	return epoll_ctl(h->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

void hup_remove(struct hup *h, int fd)
{
	epoll_ctl(h->epoll, EPOLL_CTL_DEL, fd, NULL);
}
