/* SPDX-License-Identifier: BSD-2-Clause */
/* Socket addresses as people write them; never asks a resolver. */
#ifndef COMMON_ADDR_H
#define COMMON_ADDR_H

#include <stdint.h>
#include <sys/socket.h>

#define ADDR_TEXT 128	/* enough for every text made here */

struct addr {
	socklen_t len;
	struct sockaddr_storage ss;
};

/* An IPv4 or IPv6 literal and a port; 0 or -EINVAL. */
int addr_from_ip(struct addr *a, const char *ip, uint16_t port);
/* A path for AF_UNIX; 0 or -ENAMETOOLONG. */
int addr_from_path(struct addr *a, const char *path);

/*
 * Splits "host:port", "1.2.3.4:port", "[v6]:port" or "unix:/path" as servers
 * are written. For a literal or a path *a is filled in and *host is ""; for a
 * name host (256 bytes) gets it, and *port. 0 or -EINVAL.
 */
int addr_parse_server(const char *text, struct addr *a, char *host, uint16_t *port);
void addr_set_port(struct addr *a, uint16_t port);
/* 0 if it has none. */
uint16_t addr_port(const struct sockaddr *sa);

/* "1.2.3.4:80", "[::1]:80", "unix:/path" into text (ADDR_TEXT); "-" if unknown. */
const char *addr_text(const struct sockaddr *sa, char *text);

#endif
