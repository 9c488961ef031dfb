/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of backends to addresses. The C library's resolver blocks, so each
 * name is asked for in a child process of its own, which is killed when its
 * deadline has passed; what is answered is never waited for.
 */
#ifndef LIBRARIAN_RESOLVE_H
#define LIBRARIAN_RESOLVE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/msg.h"

#define RESOLVE_CHILDREN_MAX 8
#define RESOLVE_WAITING_MAX 64	/* names that wait for a child */
#define RESOLVE_ADDRS_MAX 16
#define RESOLVE_DEADLINE_MS 5000

/* A child, its answer, and the name it asks for. */
struct resolve_child {
	pid_t pid;		/* 0: none */
	int fd;			/* its answer; -1: has been taken, it is to be reaped */
	uint64_t deadline_ns;
	uint32_t id;
	char host[MSG_NAME_MAX + 1];
};

struct resolve_wait { uint32_t id; char host[MSG_NAME_MAX + 1]; };

/* Strings of `a` live for the call. */
typedef void resolve_answered(void *data, uint32_t id, const struct msg_resolve_ans *a);

struct resolver {
	resolve_answered *answered;
	void *data;
	struct resolve_child children[RESOLVE_CHILDREN_MAX];
	struct resolve_wait waiting[RESOLVE_WAITING_MAX];	/* a ring */
	unsigned first, waiting_n;
};

void resolver_init(struct resolver *r, resolve_answered *answered, void *data);
/* Kills and reaps the children; what has not been answered never is. */
void resolver_clear(struct resolver *r);

/* Answers later, or at once if the name is none or too many wait. */
void resolver_ask(struct resolver *r, uint32_t id, const char *host);
/* Fills in what to poll for (RESOLVE_CHILDREN_MAX); unused ones have fd -1. */
void resolver_poll(const struct resolver *r, struct pollfd *fds);
/* Takes answers, ends what is late, reaps, starts what waits. Never blocks. */
void resolver_turn(struct resolver *r, uint64_t now_ns);

#endif
