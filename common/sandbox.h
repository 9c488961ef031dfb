/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seccomp filter of a role: a list of system calls that it may make; all
 * others fail with EPERM, those that only an intruder would want kill the
 * process. Needs libseccomp; a program links it with SECCOMP_LIBS.
 */
#ifndef COMMON_SANDBOX_H
#define COMMON_SANDBOX_H

#include <stddef.h>

/* What a role may do beyond reading, writing and closing what it was given. */
enum sandbox_may {
	SANDBOX_ACCEPT = 1 << 0,	/* accept connections, ask about them */
	SANDBOX_CONNECT = 1 << 1,	/* stream sockets: INET, INET6, UNIX */
	SANDBOX_EPOLL = 1 << 2,		/* an event loop */
	SANDBOX_FORK = 1 << 3,		/* child processes of its own program, with filters tighter still */
	SANDBOX_OPEN = 1 << 4,		/* open files and directories, read and write */
	SANDBOX_RESOLVE = 1 << 5,	/* datagram and netlink sockets of a resolver */
	SANDBOX_SYSLOG = 1 << 6,	/* datagram sockets to /dev/log and the journal */
	SANDBOX_AFFINITY = 1 << 7,	/* choose its core */
	SANDBOX_LANDLOCK = 1 << 8,	/* restrict itself further (landlock.h) */
	SANDBOX_LOCK = 1 << 9,		/* keep memory from being swapped out */
	SANDBOX_TIMER = 1 << 10,	/* a timer of its CPU time (setitimer) */
	SANDBOX_TRACE = 1 << 11,	/* attach to processes, read their stacks, ask the kernel about sockets */
};

/*
 * Sets no_new_privs and the filter for the calling process. Returns 0 or a
 * negative errno. Not to be undone.
 */
int sandbox_enter(unsigned may);

#endif
