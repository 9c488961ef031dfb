/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets with descriptors over a SOCK_SEQPACKET socket, never blocking. What
 * the socket does not take at once waits in a bounded queue. A channel knows
 * no message and no event loop; its owner watches `fd` for reading, and for
 * writing while channel_pending() is not 0.
 */
#ifndef COMMON_CHANNEL_H
#define COMMON_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#include "common/fdpass.h"

#define CHANNEL_PACKET_MAX 16384	/* bytes in one packet */
#define CHANNEL_QUEUE_MAX 256		/* packets that may wait */

struct packet {
	size_t size;
	int nfds;
	int fds[FDPASS_MAX];		/* owned by whoever received the packet */
	uint8_t data[CHANNEL_PACKET_MAX];
};

struct channel_entry;

struct channel {
	int fd;				/* owned; -1 when closed */
	struct channel_entry *head, **tail;
	int pending;			/* packets that wait */
};

/* Makes a connected pair, both ends non-blocking and close-on-exec. */
int channel_pair(int fds[2]);

/* Takes fd and makes it non-blocking. */
void channel_init(struct channel *ch, int fd);
/* Closes the socket, drops what waits. Harmless on a closed channel. */
void channel_clear(struct channel *ch);

/*
 * Sends or queues one packet of at least one byte: an empty one reads like the
 * end of the stream. Descriptors are lent: a queued packet keeps duplicates.
 * Returns 0, -ENOBUFS when the queue is full, or a negative errno.
 */
int channel_send(struct channel *ch, const void *data, size_t size, const int *fds, int nfds);
/* Sends what waits. Returns 0 when nothing waits any more, else negative errno. */
int channel_flush(struct channel *ch);
int channel_pending(const struct channel *ch);

/*
 * Receives one packet. Returns 0, -EAGAIN when there is none, -EPIPE at the
 * end of the stream, or another negative errno, after which the channel is of
 * no use.
 */
int channel_recv(struct channel *ch, struct packet *p);
/* Waits up to timeout_ms (-1: for ever) for one; -ETIMEDOUT when none came. */
int channel_recv_wait(struct channel *ch, struct packet *p, int timeout_ms);

/* Closes the descriptors that a packet still holds. */
void packet_close_fds(struct packet *p);
/* Takes descriptor i out of the packet. */
int packet_take_fd(struct packet *p, int i);

#endif
