/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Backends: their servers in turn, the failed ones left out for a while. A
 * backend is replaced as a whole and kept by reference, so that a connection
 * in its connect phase outlives the change.
 */
#ifndef WORKER_BACKEND_H
#define WORKER_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"

#define BACKEND_NAME 64
#define SERVER_LABEL 108
#define SERVER_REST_NS 10000000000ull	/* a server that failed is left out for 10 s */

struct server {
	char label[SERVER_LABEL];	/* as written in the configuration */
	struct addr addr;
	uint64_t rests_until_ns;	/* 0: healthy */
};

struct backend {
	unsigned refs;
	char name[BACKEND_NAME];
	int proxy_protocol;		/* 0, 1, 2 */
	int servers_n, expected_n;
	unsigned turn;
	bool closes_first;		/* it did, the last time that one could know */
	struct server servers[];
};

/* With room for servers_n servers, which backend_add fills in. */
struct backend *backend_new(const char *name, int proxy_protocol, int servers_n);
int backend_add(struct backend *b, const char *label, const void *sockaddr, size_t size);
struct backend *backend_ref(struct backend *b);
void backend_unref(struct backend *b);

/*
 * The next server to try, whose bit is not in *tried: in turn, those that rest
 * only when no other is left. -1 when all were tried. Sets its bit.
 */
int backend_pick(struct backend *b, uint64_t *tried, uint64_t now_ns);
void backend_failed(struct backend *b, int server, uint64_t now_ns);
void backend_worked(struct backend *b, int server);

/*
 * Begins to connect: a non-blocking socket, or a negative errno. *done: connected
 * at once, as servers on this machine are.
 */
int server_connect(const struct server *s, bool *done);

#endif
