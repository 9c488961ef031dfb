/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One direction of a connection: what has been sent to a peer, whether its TCP
 * has taken it, and whether it answers at all. Only the kernel knows, so it is
 * asked (TCP_INFO) now and then while bytes wait; doc/progress.md says which of
 * its fields mean what, and how that was found out.
 */
#ifndef WORKER_FLOW_H
#define WORKER_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/deadlines.h"

struct flow {
	bool waits;		/* bytes were sent to it, and no look has found them gone since */
	bool seen;		/* the last look has found some */
	bool asked;		/* its TCP owes an answer */
	bool unsent;		/* some wait for room in its window, or with us */
	bool netted;		/* the kernel's own time limit is set */
	bool closed;		/* as of the last look: in both directions, or the socket has died */
	uint64_t silent_since_ns;	/* while asked: how long it owes it */
	uint64_t stuck_since_ns;	/* while waits: no byte was acknowledged since */
	uint64_t sent_ns;	/* the last byte cannot have been sent before */
	uint64_t taken_ns;	/* when it last acknowledged bytes, as far as was looked; 0: never seen */
	uint64_t acked;		/* bytes that it has acknowledged, as of the last look */
};

/* Bytes, or a FIN, were given to the kernel, or are kept for it. */
void flow_sent(struct flow *f, uint64_t now_ns);

/* Asks the kernel; kept: bytes that we hold for the peer ourselves. */
void flow_look(struct flow *f, int fd, size_t kept, uint64_t now_ns);

/*
 * The kernel's own limits, for the time in which this process may not run:
 * sets them where bytes have been found to wait, clears them where none are.
 */
void flow_net(struct flow *f, int fd, const struct deadlines *d);

/* How often to look, by these deadlines; 0: never. */
uint64_t flow_interval_ns(const struct deadlines *d);

/*
 * Which deadline a time-out of the kernel's stands for; DEADLINE_COUNT: none,
 * nothing waited and keep-alive has found that the peer is gone.
 */
enum deadline flow_timed_out(int fd, size_t kept, const struct deadlines *d);

#endif
