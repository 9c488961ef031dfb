/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Witnesses: short-lived processes, one for each task about incidents, which
 * do what may block. Each task has a deadline; what does not fit into the few
 * that run at a time waits in a line.
 */
#ifndef SUPERVISOR_WITNESS_H
#define SUPERVISOR_WITNESS_H

#include <jansson.h>

#include "supervisor/child.h"

#define WITNESSES_MAX 3		/* at a time */
#define WITNESS_LINE_MAX 16	/* that wait */
#define WITNESS_FDS_MAX 3

struct witnesses;

/* error "": it was done. fd: of the JSON, lent; -1: none. */
struct witness_result {
	const char *error, *missing;
	uint32_t bytes;
	int fd;
	bool answered;			/* the witness itself says so; false: it died or is late */
};

struct witness_order {
	struct msg_witness_req req;	/* strings have to live until the end */
	int fds[WITNESS_FDS_MAX], fds_n;
	uint32_t deadline_ms;
	/* Called once, never from within witnesses_order(). */
	void (*done)(void *data, const struct witness_result *r);
	void *data;
};

struct witnesses *witnesses_new(struct supervisor *s);
void witnesses_free(struct witnesses *w);
/* Ends them; what was ordered is not done, and nobody is told. */
void witnesses_stop(struct witnesses *w);

/* Takes the descriptors, in every case. 0 or -EAGAIN: the line is full, or tlsward stops. */
int witnesses_order(struct witnesses *w, const struct witness_order *o);

/* Adds a duplicate of fd, if that is one. */
void witness_order_fd(struct witness_order *o, int fd);
/* The process to look at, and the shape of its ledger. */
void witness_order_suspect(struct witness_order *o, const struct child *c);
/* A sealed memfd of that JSON, or a negative errno; and back: NULL if it is none. */
int witness_put_json(const json_t *v);
json_t *witness_get_json(int fd);

#endif
