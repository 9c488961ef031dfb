/* SPDX-License-Identifier: BSD-2-Clause */
/* One connection of the load, from connect() to the end of its operation. */
#ifndef BENCH_LOAD_CONN_H
#define BENCH_LOAD_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/common/wire.h"
#include "bench/load/client.h"

enum conn_state { CONN_NONE, CONN_CONNECTING, CONN_HANDSHAKE, CONN_READY, CONN_SENDING, CONN_READING, CONN_ENDING };

/* How an operation may fail; the names are in report.c. */
enum failure { FAIL_CONNECT, FAIL_TLS, FAIL_ALERT, FAIL_CLOSED, FAIL_RESET, FAIL_TIMEOUT, FAIL_NOT_REFUSED, FAILS_N };

/* What came of an event. */
enum conn_result {
	CONN_WAITS,
	CONN_IS_READY,		/* kept connections: the handshake is done */
	CONN_DONE,		/* the operation; a connection that is not kept is closed */
	CONN_FAILED,		/* it is closed */
};

struct conn {
	int fd;
	enum conn_state state;
	enum failure failure;
	bool resumed, said_alert;
	bool busy;		/* the load's: it counts as in flight, since: */
	uint64_t started_ns, number;
	uint32_t events;	/* that epoll watches for */
	SSL *ssl;
	uint64_t began_ns;	/* of the operation: its planned time, or when it was started */
	uint64_t send_left, read_left;
	uint8_t head[WIRE_BYTES];
};

struct conn_where {
	struct client *client;
	int epoll;
	uint64_t number;	/* of the connection: chooses name and source address */
};

/* Begins to connect; CONN_WAITS or CONN_FAILED. */
enum conn_result conn_open(struct conn *c, const struct conn_where *w, uint64_t began_ns);
/* Begins a request on a connection that is ready. */
enum conn_result conn_request(struct conn *c, const struct conn_where *w, uint64_t began_ns);
/* After an event of epoll. */
enum conn_result conn_go_on(struct conn *c, const struct conn_where *w);
/* Closes it, in order if its handshake is done. */
void conn_close(struct conn *c);

#endif
