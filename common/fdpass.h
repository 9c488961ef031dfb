/* SPDX-License-Identifier: BSD-2-Clause */
/* The only code that touches ancillary data (SCM_RIGHTS; unix(7), cmsg(3)). */
#ifndef COMMON_FDPASS_H
#define COMMON_FDPASS_H

#include <stddef.h>
#include <sys/types.h>

#define FDPASS_MAX 16	/* descriptors in one packet */

/*
 * Sends one packet with nfds descriptors, which are lent. Never blocks and
 * never raises SIGPIPE. Returns 0 or a negative errno (-EAGAIN: nothing sent).
 */
int fdpass_send(int sock, const void *data, size_t size, const int *fds, int nfds);

/*
 * Receives one packet. fds has room for FDPASS_MAX; the descriptors received
 * belong to the caller and are close-on-exec. Returns the packet's size, 0 at
 * the end of the stream, or a negative errno: -EMSGSIZE if the packet or its
 * descriptors did not fit (all its descriptors are closed then).
 */
ssize_t fdpass_recv(int sock, void *data, size_t cap, int *fds, int *nfds);

#endif
