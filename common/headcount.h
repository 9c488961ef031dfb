/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many connections there are from each address, and how many have not
 * ended their handshake, in all workers together: shared memory that the
 * supervisor makes, with a column for each worker. A worker writes its own
 * column and cannot write another's; the sums are over all. When a worker is
 * gone the supervisor empties its column, so that what it held is given back.
 * IPv4 is counted by address, IPv6 by /64: less than that no network is given.
 * A column has four slots for each connection that a worker may hold; where
 * 32 neighbouring ones are taken by other addresses, a connection is not
 * counted (about one in 10^9 with every place taken from another address).
 */
#ifndef COMMON_HEADCOUNT_H
#define COMMON_HEADCOUNT_H

#include <stdint.h>
#include <sys/socket.h>

/* What maker and users have to agree on. */
struct headcount_shape {
	uint32_t columns;
	uint32_t slots;		/* of a column; a power of two */
	uint64_t seed;		/* so that nobody outside knows which addresses meet */
};

struct headcount_column;

struct headcount {
	struct headcount_shape shape;
	const uint8_t *all;	/* the columns; NULL: none, all below does nothing and counts 0 */
	struct headcount_column *own;
};

/*
 * Makes the memory for columns of workers with so many places each. fds[0] can
 * be written, fds[1] only be read; both are the caller's. 0 or negative errno.
 */
int headcount_make(struct headcount_shape *shape, int fds[2], uint32_t columns, uint32_t places);
/* Gives back what a process that is gone has held. 0 or negative errno. */
int headcount_forget(const struct headcount_shape *shape, int fd, uint32_t column);

/* Maps all for reading and the own column for writing; fds are lent. 0 or negative errno. */
int headcount_map(struct headcount *h, const struct headcount_shape *shape, const int fds[2], uint32_t own);
void headcount_unmap(struct headcount *h);

/*
 * One more or less from that address. Who enters first and then asks is never
 * let in above a limit, whatever other workers do at that moment.
 */
void headcount_enter(struct headcount *h, const struct sockaddr *peer);
void headcount_leave(struct headcount *h, const struct sockaddr *peer);
/* One more or less before the end of its handshake. */
void headcount_handshake_begins(struct headcount *h);
void headcount_handshake_ends(struct headcount *h);

/* In all workers. */
uint64_t headcount_of(const struct headcount *h, const struct sockaddr *peer);
uint64_t headcount_handshakes(const struct headcount *h);

#endif
