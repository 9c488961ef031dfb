/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which addresses a URL in a certificate may lead to: whoever wrote the
 * certificate must not make us talk to what is near us.
 */
#ifndef LIBRARIAN_REACH_H
#define LIBRARIAN_REACH_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * False for loopback, private, link-local, shared, multicast and reserved
 * addresses (RFC 6890), and for IPv6 that carries such an IPv4 address.
 */
bool reach_is_public(const struct sockaddr *sa);

#endif
