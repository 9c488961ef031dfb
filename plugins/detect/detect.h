/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plugins of kind `detect`: is a process sick? A plugin is a constant table;
 * its one function looks at samples, oldest first, and says what it sees. It is
 * pure: no clock, no process, no memory of its own, so tests feed it series.
 */
#ifndef PLUGINS_DETECT_DETECT_H
#define PLUGINS_DETECT_DETECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DETECT_VERSION 1

/* What one look at a process found. Counters only grow, and start anew with the process. */
struct sample {
	uint64_t at_ns;			/* monotonic */
	uint64_t cpu_ns, run_delay_ns;	/* /proc/PID/schedstat: ran; waited for a processor */
	uint64_t rss_bytes;
	uint64_t fds;			/* open descriptors */
	uint64_t fds_known;		/* that the process accounts for */
	uint64_t fds_limit;		/* its RLIMIT_NOFILE */
	uint64_t heartbeat_ns;		/* its own, monotonic; 0: none yet */
	uint64_t connections, overdue;	/* that live; of these past a deadline and still holding a descriptor */
	uint64_t bytes, handshakes, accepts, wakeups, spurious;	/* counters */
	uint32_t doing;			/* enum doing of the ledger */
	bool waits_for_keeper;		/* the ledger says so */
	bool stopped;			/* state T or t in /proc/PID/stat */
};

/* X(enum, name, what it means) */
#define VERDICTS(X) \
	X(VERDICT_NONE, "none", "nothing is wrong") \
	X(VERDICT_FD_LEAK, "fd_leak", "descriptors that nobody accounts for, or too many, or of ended connections") \
	X(VERDICT_CPU_SPIN, "cpu_spin", "it burns CPU time and nothing moves") \
	X(VERDICT_STALL, "stall", "it does not turn its loop") \
	X(VERDICT_MEMORY, "memory", "its memory is over the limit, or grows without its connections") \
	X(VERDICT_CRASH, "crash", "it died")

enum verdict_kind {
#define X(id, name, text) id,
	VERDICTS(X)
#undef X
	VERDICT_COUNT
};
const char *verdict_name(enum verdict_kind k);
const char *verdict_text(enum verdict_kind k);

struct verdict {
	enum verdict_kind kind;
	uint64_t since_ns;		/* monotonic: when it began, as far as the samples go */
	char numbers[256];		/* the numbers that led to it, as text for a log line */
};

/* Thresholds, from the `watch` block of the configuration. */
struct detect_limits {
	double interval_s;
	uint64_t fd_leak_above; double fd_leak_for_s;
	double cpu_spin_share, cpu_spin_for_s;
	double stall_after_s;
	uint64_t memory_limit_bytes;	/* 0: none */
};

struct detect_ops {
	const char *name;
	unsigned version;		/* DETECT_VERSION */
	/* n samples of one process, oldest first, the last is the newest. */
	void (*look)(const struct detect_limits *limits, const struct sample *samples, size_t n, struct verdict *v);
};

#endif
