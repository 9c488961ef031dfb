/* SPDX-License-Identifier: BSD-2-Clause */
/* The whole load: its connections, what is due, what came of it. */
#ifndef BENCH_LOAD_LOAD_H
#define BENCH_LOAD_LOAD_H

#include "bench/load/conn.h"
#include "bench/load/histogram.h"
#include "bench/load/pace.h"

struct counts {
	uint64_t started, done, resumed, alerts, lost;	/* lost: idle connections that the server ended */
	uint64_t failed[FAILS_N];
	uint64_t bytes_down, bytes_up;
};

struct load {
	const struct options *o;
	struct client client;
	int epoll;
	struct conn *conns;
	uint32_t *free;		/* a ring: the one that waits longest is used next */
	uint32_t free_first, free_n, in_flight, ready_n;
	uint64_t number, now_ns, look_ns;
	struct counts counts;
	struct histogram latency;
	struct pace pace;
	double took;		/* seconds that the measured part took */
};

uint64_t load_now_ns(void);
/* Prints what is wrong, and exits. */
void load_init(struct load *l, const struct options *o);
void load_clear(struct load *l);
/* Opens what is kept, or takes the session to resume. False if that failed; the counts say how. */
bool load_prepare(struct load *l);
/* Runs the operations from now on; counts and latency are of these only. */
void load_run(struct load *l);

#endif
