/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of the TCP sockets that connections run over. */
#ifndef COMMON_TCP_H
#define COMMON_TCP_H

/*
 * No delay, and keep-alive, which finds a peer that vanished while idle within
 * a minute. A listening socket passes them on to the sockets that accept(2)
 * makes from it (tcp(7)), so that a connection costs no call. 0 or negative errno.
 */
int tcp_set_up(int fd);

#endif
