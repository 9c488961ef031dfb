/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/gone.h"

#include <errno.h>
#include <sys/socket.h>

#define HEADER_BYTES 5
#define ALERT 21
#define APPLICATION_DATA 23
#define FINISHED_BYTES 53	/* encrypted: header, hash of 32 bytes, type, tag; an alert has 19 */

int gone_error(int fd)
{
	int err = 0;
	socklen_t len = sizeof err;

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 ? -errno : -err;
}

bool gone_says_why(const uint8_t *records, size_t size)
{
	for (size_t at = 0; size - at >= HEADER_BYTES;) {
		const uint8_t *head = records + at;
		size_t body = (size_t)head[3] << 8 | head[4];
		if (head[0] == ALERT || (head[0] == APPLICATION_DATA && body < FINISHED_BYTES))
			return true;
		if (body > size - at - HEADER_BYTES)
			return false;
		at += HEADER_BYTES + body;
	}
	return false;
}
