/* SPDX-License-Identifier: BSD-2-Clause */
/* One connection of bench-backend after another: reads requests, discards their bodies, sends answers. */
#ifndef BENCH_BACKEND_SERVE_H
#define BENCH_BACKEND_SERVE_H

#include <stdint.h>

struct peer;

struct server {
	int epoll;
	int body;		/* a memory file: large answers are sent from it without a copy */
	uint8_t buffer[65536];
	unsigned long long connections, requests, bytes_in, bytes_out, bad, open;
};

/* 0, or -1 with errno. */
int serve_init(struct server *s);
/* Takes a non-blocking descriptor. */
void serve_new(struct server *s, int fd);
/* peer: the data of the event. It may be gone afterwards. */
void serve_event(struct server *s, struct peer *p, uint32_t events);

#endif
