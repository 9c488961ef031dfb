/* SPDX-License-Identifier: BSD-2-Clause */
/* The only code that touches ancillary data (SCM_RIGHTS; unix(7), cmsg(3)). */
#ifndef COMMON_FDPASS_H
#define COMMON_FDPASS_H

#include <stddef.h>
#include <sys/types.h>

#define FDPASS_MAX 64	/* descriptors in one packet; the kernel takes 253 */

/*
 * Sends one packet with nfds descriptors, which are lent. Never blocks and
 * never raises SIGPIPE. Returns 0 or a negative errno (-EAGAIN: nothing sent).
 */
int fdpass_send(int sock, const void *data, size_t size, const int *fds, int nfds);

/*
 * How many to put into each of many packets. The kernel counts what is on its
 * way from all processes of a user, and refuses more than RLIMIT_NOFILE
 * (ETOOMANYREFS; unix(7)): this is a sixteenth of that, at least 1.
 */
int fdpass_share(void);

/*
 * Receives one packet. fds has room for FDPASS_MAX; the descriptors received
 * belong to the caller and are close-on-exec. Returns the packet's size, 0 at
 * the end of the stream, or a negative errno: -EMSGSIZE if the packet or its
 * descriptors did not fit (all its descriptors are closed then).
 */
ssize_t fdpass_recv(int sock, void *data, size_t cap, int *fds, int *nfds);

#endif
