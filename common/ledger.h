/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ledger: what a process does, in shared memory that it writes and the
 * supervisor reads, so that nobody has to be asked. Layout: struct
 * ledger_head, then (workers) `conns_n` connection records, then `ended_n`
 * records of connections that have ended, a ring.
 * A record is guarded by a sequence counter: odd while it is being written.
 * The reader copies, checks the counter, and then every bound: the writer may
 * be mad. Single numbers (counters, bytes) are written with relaxed atomics.
 */
#ifndef COMMON_LEDGER_H
#define COMMON_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/ends.h"

#define LEDGER_MAGIC 0x746c6c6567657231ull
#define LEDGER_ENDED 1024	/* connections that stay readable after their end */

/* X(enum, name, help) */
#define COUNTERS(X) \
	X(COUNT_ACCEPTED, "accepted", "connections accepted") \
	X(COUNT_HELLOS, "hellos", "complete ClientHellos") \
	X(COUNT_SESSIONS, "sessions", "TLS sessions made") \
	X(COUNT_HANDSHAKES_FULL, "handshakes_full", "full handshakes done") \
	X(COUNT_HANDSHAKES_RESUMED, "handshakes_resumed", "resumed handshakes done") \
	X(COUNT_HELD, "held", "connections that were held for a certificate or chain") \
	X(COUNT_CHAINS_INCOMPLETE, "chains_incomplete", "certificates sent with an incomplete chain") \
	X(COUNT_STAPLES_MISSING, "staples_missing", "handshakes with a certificate that must have a staple, without one") \
	X(COUNT_SIGNATURES, "signatures", "signatures that the keeper gave (a keeper's own ledger: made)") \
	X(COUNT_KEEPER_TIMEOUTS, "keeper_timeouts", "signatures that did not come in time") \
	X(COUNT_BACKEND_CONNECTS, "backend_connects", "connections made to servers of backends") \
	X(COUNT_BACKEND_FAILURES, "backend_failures", "connects to servers of backends that failed") \
	X(COUNT_BYTES_UP, "bytes_up", "bytes of payload from clients to backends") \
	X(COUNT_BYTES_DOWN, "bytes_down", "bytes of payload from backends to clients") \
	X(COUNT_WAKEUPS, "wakeups", "times the loop called a connection") \
	X(COUNT_SPURIOUS, "spurious_wakeups", "of these, those that made no progress") \
	X(COUNT_ACCEPT_PAUSES, "accept_pauses", "times accepting stopped for want of places or descriptors") \
	X(COUNT_LOG_DROPPED, "log_lines_dropped", "log lines lost because the log could not be written") \
	X(COUNT_LOG_LINES, "log_lines", "log lines written (the logger's own ledger)")

enum counter {
#define X(id, name, help) id,
	COUNTERS(X)
#undef X
	COUNT_COUNT
};

/* Numbers that go up and down. */
#define GAUGES(X) \
	X(GAUGE_CONNS, "connections", "connections that have not ended") \
	X(GAUGE_FDS, "descriptors", "descriptors that the process accounts for") \
	X(GAUGE_HELD, "held", "connections that are held for a certificate or chain") \
	X(GAUGE_SPILL_BYTES, "spill_bytes", "bytes that wait for peers") \
	X(GAUGE_SPURIOUS_RATE, "spurious_per_second", "wake-ups without progress in the last second") \
	X(GAUGE_SPURIOUS_WORST, "spurious_worst", "wake-ups without progress of the connection that has, or had, most") \
	X(GAUGE_CATALOG_GENERATION, "catalog_generation", "generation of the catalog in use") \
	X(GAUGE_ACCEPTING, "accepting", "1 while new connections are taken") \
	X(GAUGE_AT_LIMIT, "at_limit", "1 from when accepting stopped for want of places or descriptors until it has gone on for 3 seconds") \
	X(GAUGE_SIGNER_DOWN, "keeper_down", "1 while the keeper is taken for down")

enum gauge {
#define X(id, name, help) id,
	GAUGES(X)
#undef X
	GAUGE_COUNT
};

/* What the process is doing now; static words, an index on shared memory. */
#define DOINGS(X) \
	X(DOING_NOTHING, "waiting") \
	X(DOING_ACCEPT, "accepting") \
	X(DOING_CLIENT, "client") \
	X(DOING_BACKEND, "backend") \
	X(DOING_TIMER, "timer") \
	X(DOING_SIGN, "signing") \
	X(DOING_MESSAGE, "message") \
	X(DOING_LOAD, "loading") \
	X(DOING_WRITE, "writing")

enum doing {
#define X(id, name) id,
	DOINGS(X)
#undef X
	DOING_COUNT
};

struct ledger_conn {
	uint32_t seq;			/* odd while written; 0: never used */
	uint8_t phase;			/* enum phase; PHASE_NONE: slot free */
	uint8_t end;			/* enum end */
	uint8_t resumed;
	uint8_t client_closed;		/* close_notify or FIN seen */
	uint8_t backend_closed;		/* FIN seen */
	uint8_t truncated;		/* the client's FIN came without close_notify */
	uint8_t alert_sent, alert_received;	/* TLS alert number + 1; 0: none */
	uint8_t deadline;		/* enum deadline that comes next; DEADLINE_COUNT: none */
	uint16_t listener;		/* index */
	uint16_t tls_version;		/* 0x0303, 0x0304; 0: none yet */
	uint16_t cipher;		/* IANA number */
	uint16_t fds;			/* descriptors it holds */
	uint32_t client_fd, backend_fd;	/* their numbers; 0: none */
	uint64_t id;			/* unique in the run: worker << 40 | count */
	/* Monotonic nanoseconds; 0: has not happened. */
	uint64_t accepted_ns, hello_ns, handshake_ns, connected_ns, closing_ns, ended_ns;
	uint64_t phase_since_ns, last_progress_ns, deadline_ns;
	uint64_t bytes_up, bytes_down;	/* payload */
	uint64_t wakeups, spurious;
	struct sockaddr_storage peer;
	char sni[256], alpn[32], backend[64], server[108], policy[128], detail[96];
};

#define LEDGER_POLICIES 16	/* scripts that are counted apart */

/* What a policy script is asked: its functions. */
#define ASKED(X) \
	X(ASKED_ALLOW, "allow") \
	X(ASKED_TIMEOUTS, "timeouts") \
	X(ASKED_CHAIN, "chain") \
	X(ASKED_ROUTE, "route") \
	X(ASKED_WORKER, "worker")

enum asked {
#define X(id, name) id,
	ASKED(X)
#undef X
	ASKED_COUNT
};

/* What comes of it. */
#define RESULTS(X) \
	X(RESULT_ANSWERED, "answered") \
	X(RESULT_NO_OPINION, "no_opinion") \
	X(RESULT_ERRORS, "errors") \
	X(RESULT_OUT_OF_BUDGET, "out_of_budget") \
	X(RESULT_OUT_OF_MEMORY, "out_of_memory")

enum result {
#define X(id, name) id,
	RESULTS(X)
#undef X
	RESULT_COUNT
};

/* The calls of one policy script. */
struct ledger_policy {
	char name[64];			/* of its file; "": unused */
	uint64_t calls[ASKED_COUNT][RESULT_COUNT];
	uint64_t error_ns;		/* monotonic: when last_error was written */
	char last_error[160];
};

#define LEDGER_SERVERS 64	/* servers of backends that are counted apart */

struct ledger_server {
	char backend[64], label[108];	/* as configured; "": unused */
	uint64_t connects, failures;
	uint64_t rests_until_ns;	/* monotonic; left out until then unless no other is left */
};

#define LEDGER_OWN_FDS 1024	/* numbers below are told apart */

struct ledger_head {
	uint64_t magic;
	uint64_t size;			/* bytes of all */
	uint32_t conns_n, ended_n;
	uint32_t role, index, generation, pid;
	uint64_t heartbeat_ns;		/* monotonic, once per loop turn */
	uint32_t doing;			/* enum doing */
	uint32_t doing_conn;		/* slot, UINT32_MAX: none */
	uint64_t ended_count;		/* next one goes to ended_count % ended_n */
	uint64_t counters[COUNT_COUNT];
	uint64_t gauges[GAUGE_COUNT];
	uint64_t ends[END_COUNT];	/* connections by end reason */
	uint64_t restless_id;		/* of the connection that GAUGE_SPURIOUS_WORST is about; 0: none */
	struct ledger_policy policies[LEDGER_POLICIES];
	char doing_script[64];		/* script in which it is, or was last */
	uint32_t doing_line;		/* its line, as of a moment ago; 0: it is in none */
	uint64_t own_fds[LEDGER_OWN_FDS / 64];	/* a bit each: descriptors that are no connection's */
	struct ledger_server servers[LEDGER_SERVERS];
};

struct ledger {
	struct ledger_head *head;
	struct ledger_conn *conns, *ended;
	size_t size;
	uint32_t conns_n, ended_n;	/* as mapped; the writer can change those in head */
	int fd;				/* reader: the memfd, without the right to write, for others who are to read it too; -1: none */
};

const char *counter_name(enum counter c);
const char *counter_help(enum counter c);
const char *gauge_name(enum gauge g);
const char *gauge_help(enum gauge g);
const char *doing_name(enum doing d);
const char *asked_name(enum asked a);
const char *result_name(enum result r);

uint64_t ledger_now_ns(void);	/* CLOCK_MONOTONIC */

/*
 * Supervisor: makes and maps a ledger of that shape; *fd is for the process,
 * l->fd stays. Returns 0 or a negative errno.
 */
int ledger_new(struct ledger *l, int *fd, uint32_t role, uint32_t index, uint32_t generation,
	uint32_t conns_n, uint32_t ended_n);
/*
 * The process: maps the received memfd for writing. Nobody else has a
 * descriptor that can, once this one is closed; a second call fails.
 */
int ledger_attach(struct ledger *l, int fd);
/*
 * Another reader: maps the memfd (lent) of that shape, whatever its writer says
 * by now. -EINVAL if it has another.
 */
int ledger_open(struct ledger *l, int fd, uint32_t conns_n, uint32_t ended_n);
void ledger_clear(struct ledger *l);

/* Writing. */
static inline void ledger_set(uint64_t *at, uint64_t v) { __atomic_store_n(at, v, __ATOMIC_RELAXED); }
static inline void ledger_add(uint64_t *at, uint64_t v) { __atomic_store_n(at, *at + v, __ATOMIC_RELAXED); }
static inline void ledger_count(struct ledger *l, enum counter c) { ledger_add(&l->head->counters[c], 1); }
void ledger_heartbeat(struct ledger *l, uint64_t now_ns);
void ledger_doing(struct ledger *l, enum doing d, uint32_t conn);
/* The process's own descriptors: all that are open now, and single ones that come or go later. */
void ledger_own_open_fds(struct ledger *l);
void ledger_own_fd(struct ledger *l, int fd, bool own);
bool ledger_owns_fd(const struct ledger *l, int fd);
/* The row of that server, taken if there is none yet; NULL: all are in use. */
struct ledger_server *ledger_server(struct ledger *l, const char *backend, const char *label);
/* Around every change of a record's other fields. */
void ledger_conn_begin(struct ledger_conn *c);
void ledger_conn_end(struct ledger_conn *c);
/* Copies an ended record to the ring and frees its slot. */
void ledger_conn_retire(struct ledger *l, struct ledger_conn *c);

/*
 * Gives the memory of the records from that one on back to the system, as far
 * as it fills pages; all of them are free, and read as never used afterwards.
 */
void ledger_give_back(struct ledger *l, uint32_t first);

/*
 * Reading: copies a record. Returns true if it was whole, false if it stayed
 * torn (still copied, to be shown marked). Strings are terminated and
 * enumerations are in range afterwards, whatever the writer did.
 */
bool ledger_conn_copy(const struct ledger_conn *c, struct ledger_conn *out);
/* The same for a row of a server; false if it is unused. */
bool ledger_server_copy(const struct ledger_server *s, struct ledger_server *out);
bool ledger_policy_copy(const struct ledger_policy *p, struct ledger_policy *out);
static inline uint64_t ledger_get(const uint64_t *at) { return __atomic_load_n(at, __ATOMIC_RELAXED); }

#endif
