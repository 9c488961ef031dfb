/* SPDX-License-Identifier: BSD-2-Clause */
/* Fork and exec of a role: descriptors, user, limits, environment, program by descriptor. */
#ifndef SUPERVISOR_SPAWN_H
#define SUPERVISOR_SPAWN_H

#include <stdint.h>
#include <sys/types.h>

#include "supervisor/privilege.h"
#include "supervisor/programs.h"

#define SPAWN_NO_CPU (-1)

struct spawn {
	enum role role;
	const struct programs *programs;
	const struct privileges *privileges;
	int channel_fd;		/* becomes 3 */
	int log_fd;		/* becomes 2 */
	int extra_fd;		/* becomes 4; -1: none */
	int cpu;		/* pinned to it, or SPAWN_NO_CPU */
	uint32_t descriptors;	/* RLIMIT_NOFILE; 0: as ours */
};

/*
 * Starts the process; all descriptors are lent. What fails in the new process
 * is a log line, and then exit status 127. Returns its pid or a negative errno.
 */
pid_t spawn(const struct spawn *sp);

#endif
