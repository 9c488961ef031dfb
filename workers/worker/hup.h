/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watches descriptors whose reading is stopped for the peer's FIN or RST:
 * EPOLLRDHUP, edge-triggered, in an epoll descriptor of its own inside the
 * loop, because libev offers no EPOLLRDHUP. Unread bytes never wake anything.
 */
#ifndef WORKER_HUP_H
#define WORKER_HUP_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

/* failed: the connection is dead (RST, timeout), not only half-closed. */
typedef void hup_callback(void *data, uint64_t tag, bool failed);

struct hup {
	struct ev_loop *loop;
	ev_io io;
	int epoll;
	hup_callback *callback;
	void *data;
};

int hup_init(struct hup *h, struct ev_loop *loop, hup_callback *callback, void *data);
void hup_clear(struct hup *h);
/* tag comes back in the callback; it must tell a reused descriptor from its forerunner. Whose FIN was read is only watched for its death. */
int hup_add(struct hup *h, int fd, uint64_t tag, bool fin_was_read);
void hup_remove(struct hup *h, int fd);

#endif
