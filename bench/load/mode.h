/* SPDX-License-Identifier: BSD-2-Clause */
/* What one operation of the load is, a row for each mode. */
#ifndef BENCH_LOAD_MODE_H
#define BENCH_LOAD_MODE_H

#include <stdbool.h>
#include <stdint.h>

/* How far a client goes before it breaks off with a RST; LEAVE_NOT: it stays to the end. */
enum leave { LEAVE_NOT, LEAVE_CONNECT, LEAVE_HALF_HELLO, LEAVE_HELLO, LEAVE_HANDSHAKE, LEAVE_REQUEST };

struct mode {
	const char *name, *help;
	bool kept;		/* connections are opened first; an operation is a request on one */
	bool no_operations;	/* they are held, and that is all */
	bool resumes;		/* with the session of a first connection */
	bool refused;		/* the server is expected to refuse the handshake */
	bool leaves;		/* at the point that --leave names */
	uint64_t request, answer;	/* defaults in bytes; 0: none is sent */
};

/* NULL if there is no such mode. */
const struct mode *mode_find(const char *name);
const struct mode *mode_at(unsigned i);
/* LEAVE_NOT if there is no such point. */
enum leave leave_find(const char *name);

#endif
