/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of the control socket, for control*.c alone. */
#ifndef SUPERVISOR_CONTROL_CLIENT_H
#define SUPERVISOR_CONTROL_CLIENT_H

#include <sys/types.h>

#include "supervisor/control.h"
#include "supervisor/rights.h"
#include "supervisor/rpc.h"

struct client {
	struct control *control;
	struct client *next;
	uint64_t number;		/* never used twice */
	enum right right;
	unsigned uid;
	bool eof;			/* it sends no more, but may read its answers */
	bool broken;			/* an answer could not be written whole */
	bool follows;			/* events */
	int later_n;			/* answers that it waits for */
	uint64_t events_lost;		/* since it was last told */
	ev_io io;
	ev_timer stall;			/* runs while output waits */
	ev_timer again;			/* fires in the next turn, for the next line */
	char *out;
	size_t out_pos, out_end, out_cap;
	size_t in_pos, in_end;
	char in[CONTROL_LINE_MAX];
};

/* An answer that is due; ticket 0: unused. */
struct later {
	uint32_t ticket;
	uint64_t client;
	const struct child *from;	/* who has to answer, if it is a process; compared, not followed */
	json_t *id;			/* of the request; NULL: no answer is wanted */
	uint32_t deadline_ms;
	ev_timer deadline;
};

struct control {
	struct supervisor *s;
	struct rights rights;
	ev_io listen;
	ev_timer pause;
	struct client *clients;
	int clients_n;
	int followers_n;
	uint64_t events, events_lost;	/* events so far; lost, over all followers */
	uint64_t numbers;		/* given so far */
	uint32_t tickets;
	struct later later[CONTROL_LATER_MAX];
	dev_t dev;			/* of the socket's path when it was ours */
	ino_t ino;
};

/* NULL: it has gone. */
struct client *client_find(const struct control *ctl, uint64_t number);
/* Adds an object (taken) to what the client is sent. */
void client_put(struct client *c, json_t *answer);
/* Goes on with the client in the next turn of the loop. */
void client_again(struct client *c);

static inline size_t client_waiting(const struct client *c) { return c->out_end - c->out_pos; }

void events_follow(struct client *c);
void events_forget(struct client *c);
/* Nothing waits for it any more: it is told what it has lost. */
void events_caught_up(struct client *c);

void later_init(struct control *ctl);
/* The client is gone: its tickets are void. */
void later_forget(struct control *ctl, uint64_t client);
void later_clear(struct control *ctl);

#endif
