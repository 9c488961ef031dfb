/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The descriptors of a process: kind, state, queues, and whose each is. Those
 * that nobody accounts for come first.
 */
#ifndef WITNESS_FDS_H
#define WITNESS_FDS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/ledger.h"

#define FDS_LISTED 500		/* one by one; all are counted in groups */

/* What stands behind /proc/PID/fd/N. */
struct fd_link {
	const char *kind;		/* "socket", "pipe", "epoll", "eventfd", "memfd", "file", … */
	uint64_t inode;			/* of a socket, else 0 */
};
struct fd_link fds_parse_link(const char *text);

/* New reference; what could not be had stands in its "missing". */
json_t *fds_view(pid_t pid, const struct ledger *l);

#endif
