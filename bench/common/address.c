/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/common/address.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

bool address_parse(const char *text, struct sockaddr_storage *out, socklen_t *size)
{
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	struct sockaddr_un *un = (struct sockaddr_un *)out;
	char host[64];
	unsigned port;

	memset(out, 0, sizeof *out);
	if (strncmp(text, "unix:", 5) == 0) {
		un->sun_family = AF_UNIX;
		*size = sizeof *un;
		return snprintf(un->sun_path, sizeof un->sun_path, "%s", text + 5) < (int)sizeof un->sun_path;
	}
	if (sscanf(text, "%63[0-9.]:%u", host, &port) != 2 || port > 65535 || inet_pton(AF_INET, host, &in->sin_addr) != 1)
		return false;
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)port);
	*size = sizeof *in;
	return true;
}

void address_nodelay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);	/* fails on a Unix socket: nothing to do */
}
