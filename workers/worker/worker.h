/* SPDX-License-Identifier: BSD-2-Clause */
/* The worker's root: the loop and what it owns. main() has the one instance. */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/catalog.h"
#include "common/deadlines.h"
#include "common/headcount.h"
#include "common/role.h"
#include "plugins/policy/policy.h"
#include "workers/worker/backend.h"
#include "workers/worker/certs.h"
#include "workers/worker/hup.h"
#include "workers/worker/keeper_client.h"
#include "workers/worker/tls.h"

#define LISTENERS_MAX 64
#define BACKENDS_MAX 256
#define SCRATCH_BYTES 1048576	/* the most that one turn of a connection moves */
#define READ_BYTES_MIN 16384
#define TURN_BYTES (4 * SCRATCH_BYTES)	/* about what all connections may move in one turn of the loop */
#define TURN_BYTES_SHARED 65536		/* the same while others move little, and wait for the turn's end */
#define READ_BYTES_OVER_CAP 4096	/* at once, while the worker's spill is over its cap */
#define TLS_EXTRA_BYTES 65536	/* what TLS adds to a scratch buffer, and what it says itself, is less */
#define GATHER_BYTES (SCRATCH_BYTES + TLS_EXTRA_BYTES)

struct acme;
struct conn;
struct held;
struct lua_list;
struct update;
struct worker;

struct listener {
	struct worker *w;
	ev_io io;
	int fd;				/* -1 when closed */
	int accepts;			/* in its last turn, at most; */
	unsigned turn;			/* which was this one of the loop, */
	bool took_all;			/* and took so many */
	uint16_t index;
	char name[64], backend[BACKEND_NAME];
	char default_certificate[NAME_BYTES];	/* "" for none */
	uint8_t alpn[1024];
	size_t alpn_size;
	struct deadlines deadlines;
};

struct worker_settings {
	bool tickets, bare_fin_is_half_close, log_connections;
	uint32_t connections;
	uint32_t per_address, handshakes;	/* in all workers together; 0: no limit */
	size_t spill_worker_bytes, spill_conn_bytes;
	uint32_t holds, holds_per_name;
	uint32_t spurious_wakeups;	/* of one connection in a second, until it is ended; 0: any number */
	int keeper_deadline_ms;
	struct chain_order chain_sources;
};

/* Who was refused for one reason, as the log has not been told yet. */
struct refusals {
	uint64_t told_ns;		/* 0: never */
	uint64_t untold;
	struct sockaddr_storage last;
};

struct worker {
	struct role_self self;
	struct ev_loop *loop;
	ev_io channel_io;
	ev_prepare prepare;
	ev_check check;
	ev_signal term;
	ev_timer second;		/* slow housekeeping */
	uint64_t spurious_before;	/* as of the last one */
	uint64_t now_ns;		/* monotonic, as of this turn */

	struct worker_settings settings;
	struct tls_settings *tls;
	struct certs *certs;
	struct catalog catalog;
	struct keeper_client keeper;
	int signer_fd;			/* of the last channel to it, closed or not */
	struct lua_list *policy_list;
	const struct policy *policies;	/* of policy_list */
	struct update *update;
	struct acme *acme;
	struct listener *listeners[LISTENERS_MAX];
	int listeners_n;
	struct backend *backends[BACKENDS_MAX];	/* complete ones */
	struct backend *coming[BACKENDS_MAX];	/* whose servers have not all come */
	ev_timer resume_accept;
	bool accepting;			/* the listeners are watched */
	uint64_t accepting_since_ns;
	uint64_t at_limit_since_ns;	/* 0: is not */
	uint64_t at_limit_pauses;	/* since then */
	struct headcount headcount;
	struct refusals refused_per_address, refused_handshakes;
	bool draining;
	uint64_t drain_ns;		/* when draining ends */

	struct hup hup;
	uint8_t *scratch, *plain;	/* SCRATCH_BYTES, SCRATCH_BYTES + TLS_RECORD_MAX */
	struct gather gather;		/* ciphertext of the connection in hand */
	uint32_t reads_now, reads_before;	/* of payload in this turn of the loop and the last */
	uint64_t little_ns;		/* when a connection last moved little */
	struct conn **conns;		/* by slot; NULL: free */
	uint32_t *free_slots;
	uint32_t slots_n, free_n, conns_n;
	uint64_t accepted;		/* counts ids */
	uint32_t closed_since_trim, open_at_trim;
	size_t spill_total;
	struct hello_wait *spare_waits;
	int spare_waits_n;
	/* For holds.c. */
	struct { struct held *first, *last; uint32_t n; uint64_t round; ev_timer looking; } holds;
	struct conn *in_hand;		/* whose handshake asks the keeper */
};

/* Everything but the channel's first message, which role_begin has had. */
int worker_init(struct worker *w);
void worker_run(struct worker *w);
void worker_clear(struct worker *w);

struct backend *worker_backend(struct worker *w, const char *name);
/* Stops accepting and gives the connections drain_ms to end; then the loop ends. */
void worker_drain(struct worker *w, uint32_t drain_ms);
/* A connection is gone: resumes accepting, ends a drain. */
void worker_conn_gone(struct worker *w);
uint64_t worker_refresh_now(struct worker *w);
/*
 * What it accounts for: worker_own_fds() once, when it has all that belongs to
 * no connection; then so many more, or fewer.
 */
void worker_own_fds(struct worker *w);
void worker_count_fds(struct worker *w, int more);

#endif
