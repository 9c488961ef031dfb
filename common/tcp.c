/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>

static const struct { int level, name, value; } options[] = {
	{ IPPROTO_TCP, TCP_NODELAY, 1 },
	{ SOL_SOCKET, SO_KEEPALIVE, 1 },
	{ IPPROTO_TCP, TCP_KEEPIDLE, 30 },	/* seconds */
	{ IPPROTO_TCP, TCP_KEEPINTVL, 10 },
	{ IPPROTO_TCP, TCP_KEEPCNT, 3 },
};

int tcp_set_up(int fd)
{
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof options[i].value) < 0)
			return -errno;
	return 0;
}
