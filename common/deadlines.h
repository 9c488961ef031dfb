/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The deadlines that a connection can end at, by name. Configuration speaks of
 * them in seconds, the programs in milliseconds; 0 means none where allowed.
 */
#ifndef COMMON_DEADLINES_H
#define COMMON_DEADLINES_H

#include <stdbool.h>
#include <stdint.h>

/* X(enum, name, default in ms, may be 0) */
#define DEADLINES(X) \
	X(DEADLINE_HELLO, "hello", 5000, false) \
	X(DEADLINE_HANDSHAKE, "handshake", 10000, false) \
	X(DEADLINE_CONNECT, "connect", 4000, false) \
	X(DEADLINE_IDLE, "idle", 300000, true) \
	X(DEADLINE_PROGRESS, "progress", 30000, true) \
	X(DEADLINE_CLOSED_WINDOW, "closed_window", 300000, true) \
	X(DEADLINE_HALF_CLOSE, "half_close", 60000, true) \
	X(DEADLINE_LINGER, "linger", 5000, false) \
	X(DEADLINE_LIFETIME, "lifetime", 0, true) \
	X(DEADLINE_DRAIN, "drain", 60000, false)

enum deadline {
#define X(id, name, ms, zero) id,
	DEADLINES(X)
#undef X
	DEADLINE_COUNT
};

/* Milliseconds, indexed by enum deadline. */
struct deadlines {
	uint32_t ms[DEADLINE_COUNT];
};

const char *deadline_name(enum deadline d);
bool deadline_may_be_zero(enum deadline d);
uint32_t deadline_default_ms(enum deadline d);
/* The deadline of that name, or DEADLINE_COUNT. */
enum deadline deadline_by_name(const char *name);

#endif
