/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection: its birth, its record in the ledger, and its one end; every
 * end goes through conn_end. What happens within a phase is in opening.c
 * (hello, handshake), deciding.c (between them), connecting.c, relay.c and
 * closing.c; what calls them is in watching.c (sockets) and timing.c (deadlines).
 */
#ifndef WORKER_CONN_H
#define WORKER_CONN_H

#include "common/ends.h"
#include "workers/worker/flow.h"
#include "workers/worker/hello.h"
#include "workers/worker/spill.h"
#include "workers/worker/worker.h"

/* Gathers a ClientHello that did not come at once. Borrowed from the worker's spares. */
struct hello_wait {
	struct hello_wait *next;
	struct hello hello;
	size_t size;
	uint8_t data[HELLO_BUFFER_BYTES];
};

enum { ALERT_NONE = -1, ALERT_HANDSHAKE_FAILURE = 40, ALERT_INTERNAL_ERROR = 80,
	ALERT_UNRECOGNIZED_NAME = 112 };

/* One of the two sockets of a connection. */
struct side {
	int fd;				/* -1: none */
	ev_io io;
	bool watched_for_hup;
	bool fin_came;			/* the second epoll descriptor has said so */
	bool said_goodbye;		/* close_notify or FIN has come */
	bool shut;			/* we have shut our sending side */
	int broken;			/* the error at which it took no more; 0: none */
	struct spill spill;		/* what waits to be sent to it */
	struct flow flow;		/* what becomes of what was sent to it */
	bool wants_room;		/* read nothing for it until it can be written */
	size_t read_bytes;		/* how much to read from it in a turn */
	uint64_t last_byte_ns;		/* payload from it */
};

struct conn {
	struct worker *w;
	struct listener *listener;
	struct ledger_conn *rec;
	uint32_t slot;
	struct side client, backend_side;
	ev_timer timer;
	uint64_t armed_ns;		/* when it fires: at the next deadline or before */
	uint64_t look_ns;		/* when to look at the flows; 0: nothing was sent */
	bool postponed;			/* its timer fired late; what has come is read first */
	bool moved;			/* this call made progress */
	uint32_t spurious_n;		/* calls that made none, */
	uint64_t spurious_from_ns;	/* since then, a second at most */
	uint64_t stopped_at_bytes;	/* payload moved when reading last stopped for want of room */
	bool gone;			/* freed at the end of this call */
	bool goodbye_said;		/* close_notify to the client is sent or waits */
	bool challenged;		/* by a CA: it ends with its handshake */
	bool client_first;		/* the client said goodbye before the backend */
	enum end end;

	struct hello_wait *wait;
	struct held *held;		/* what it has sent, while it is held; or NULL */
	struct tls tls;
	struct deadlines deadlines;
	struct backend *backend;
	uint64_t servers_tried;
	int server;
	uint64_t connect_since_ns;
	uint8_t *rest;			/* ciphertext that came with the last handshake bytes */
	size_t rest_size;

	unsigned closing_checks;
};

/* Takes fd of one that limits_enter() let in. On lack of memory the connection is counted and closed. */
void conn_new(struct listener *l, int fd, const struct sockaddr_storage *peer);

/*
 * Ends the connection for this reason: the first one counts. alert: a TLS alert
 * to the client, or ALERT_NONE. The record stays until the client's TCP has
 * everything or gives up; then the connection is freed.
 */
void conn_end(struct conn *c, enum end end, int alert);
/* As above for a socket error; negative errno, or 0 to ask the socket. */
void conn_client_failed(struct conn *c, int err);
/*
 * It can take no more, but what it sent before may still lie unread: the
 * connection ends when that has been read.
 */
void conn_backend_failed(struct conn *c, int err);
/* Nothing is left to be read from it either. */
void conn_backend_ended(struct conn *c, int err);
/* A word about the end, for log and ledger: static or copied. */
void conn_detail(struct conn *c, const char *text);

/* Frees it at the end of the call that is running. */
void conn_release(struct conn *c);
/* The same, with a RST for the client: the kernel forgets what waits for it. */
void conn_cut(struct conn *c);
void conn_set_phase(struct conn *c, enum phase phase);
/* Watches the sockets for what the state asks for, and sets the timer if the deadline moved closer. */
void conn_update(struct conn *c);
void conn_moved(struct conn *c);
/* The end of every call from the loop: frees it if it is gone, updates it else. */
void conn_settle(struct conn *c);
void conn_close_backend(struct conn *c, bool with_reset);
/*
 * Ends the connection of that id for an operator; one that is closing already
 * is cut at once. False if there is none.
 */
bool conn_close_id(struct worker *w, uint64_t id);
/* All of a worker's connections, for draining and for the end. */
void conn_rearm_all(struct worker *w);
void conn_stop_all(struct worker *w);

/* The watchers of its sockets. */
void watching_init(struct conn *c);
void watching_update(struct conn *c);
/* What the second epoll descriptor has heard of a socket whose reading is stopped. */
void watching_hup(struct worker *w, uint64_t tag, bool failed);
/* A call that moved no byte, changed no phase and consumed no record: too many end the connection. */
void watching_spurious(struct conn *c);

/* Its timer. */
void timing_init(struct conn *c);
void timing_update(struct conn *c);
void timing_clear(struct conn *c);
/* Something, if only a FIN, was sent to that side or is kept for it. */
void timing_sent(struct conn *c, struct side *s);
/* Looks at what waits for that side, if anything may. */
void timing_look(struct conn *c, struct side *s);
/* How a connection ends at that deadline. */
enum end timing_end(enum deadline d);

/* The phases' own work. */
void opening_readable(struct conn *c);
/* Its next step, with what the client has sent. */
void opening_handshake(struct conn *c, const uint8_t *data, size_t size);
void opening_clear(struct conn *c);
/* The ClientHello is complete; data holds it and whatever came with it. */
void deciding_start(struct conn *c, const struct hello *hello, const uint8_t *data, size_t size);
/* One that is held: is what it waits for there now, or its time over? */
void deciding_again(struct conn *c);
void connecting_start(struct conn *c);
void connecting_ready(struct conn *c);
void connecting_next(struct conn *c, enum end if_none);
void relay_start(struct conn *c, const uint8_t *head, size_t head_size);
void relay_client_readable(struct conn *c);
void relay_client_writable(struct conn *c);
void relay_backend_readable(struct conn *c);
void relay_backend_writable(struct conn *c);
/* Sends what TLS has gathered, keeps what the socket does not take. 0 or negative errno. */
int relay_flush_client(struct conn *c);
void closing_start(struct conn *c, int alert);
void closing_check(struct conn *c);
/* Cuts it; what would have been an ordinary end gets this reason. */
void closing_give_up(struct conn *c, enum end end);

#endif
