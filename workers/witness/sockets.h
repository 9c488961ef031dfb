/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel knows of sockets, asked by sock_diag(7): state, queues,
 * addresses, how long ago payload last moved. Sockets are named by inode, as
 * in /proc/PID/fd. Only those of the network namespace that asks are seen.
 */
#ifndef WITNESS_SOCKETS_H
#define WITNESS_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct socket_info {
	uint64_t inode;
	bool found;			/* the kernel told of it */
	int first_fd;			/* for who asks: the first descriptor of it that was met; -1 */
	const char *kind;		/* "tcp", "unix" */
	const char *state;		/* "established", "close_wait"; "" for none */
	uint32_t recv_queue, send_queue;	/* bytes; of a listener: waiting, at most */
	bool has_idle;
	uint32_t idle_ms;		/* since payload last came or went (tcp) */
	char local[128], peer[128];	/* "" where there is none */
};

struct sockets {
	struct socket_info *list;	/* by inode, once sealed */
	size_t n, cap;
};

void sockets_init(struct sockets *s);
void sockets_clear(struct sockets *s);
/* One that is to be asked about. 0 or -ENOMEM. */
int sockets_want(struct sockets *s, uint64_t inode);
/* No more; sorts. */
void sockets_seal(struct sockets *s);
/* NULL if it was not wanted. */
struct socket_info *sockets_find(const struct sockets *s, uint64_t inode);

/* Asks the kernel; 0 or a negative errno: what was told until then is there. */
int sockets_ask(struct sockets *s);
/*
 * One datagram of an answer. Returns 1 if more are to come, 0 at the end, or a
 * negative errno. Whatever does not fit its own length is passed over.
 */
int sockets_parse(struct sockets *s, const void *data, size_t size);

#endif
