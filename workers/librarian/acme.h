/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Certificates that are ordered from a CA: which names have one, when the next
 * is due, the orders on their way, and what serves. It outlives rounds, and by
 * its files the process.
 */
#ifndef LIBRARIAN_ACME_H
#define LIBRARIAN_ACME_H

#include <poll.h>

#include "common/channel.h"
#include "workers/librarian/round.h"
#include "workers/librarian/runner.h"
#include "workers/librarian/staples.h"

#define ACME_POLL_FDS (1 + 2 * RUNNER_ORDERS_MAX)

struct acme;

/*
 * Forks the runner: before signals are blocked and the process is restricted.
 * ch: to the supervisor, lent; sandbox: what runs is confined. NULL with errno set.
 */
struct acme *acme_new(struct channel *ch, bool sandbox);
void acme_free(struct acme *a);

/* The cache directory, lent for the call; -1: there is none. */
void acme_begin(struct acme *a, int cache);

/* From the supervisor. A negative errno: the process cannot go on. */
int acme_settings(struct acme *a, const struct msg_acme_settings *m, int hook);
int acme_names(struct acme *a, const struct msg_acme_names *m, int list);
/* Which keys the keeper has made in runs before; when it is the last of these, acme_serve() answers. */
int acme_key_ids(struct acme *a, const struct msg_own_key_ids *m);
/* Files, store or sources are others, or a staple has come: what serves is to be looked at anew. */
void acme_review(struct acme *a);
void acme_on_order_ans(struct acme *a, uint32_t id, const struct msg_order_ans *m);
void acme_on_challenge_ans(struct acme *a, uint32_t id, const struct msg_challenge_ans *m);
void acme_on_challenges_ans(struct acme *a, uint32_t generation);
/* A client has asked for the name. */
void acme_wanted(struct acme *a, const char *name);
/* An operator wants it ordered now. */
void acme_now(struct acme *a, const char *name);

/* ACME_POLL_FDS of them. */
void acme_poll(const struct acme *a, struct pollfd *fds);
/* Goes on with what has happened; r is in force. 0 or a negative errno: the runner is gone. */
int acme_turn(struct acme *a, const struct round *r, uint64_t now_ns);
/*
 * Sends what has changed of the certificates that serve, with chains of the
 * sources of that round, and staples. 1 if it has, 0, or a negative errno.
 */
int acme_serve(struct acme *a, const struct round *r, int64_t now);
/* The staples of the certificates that serve are wanted: see staples_want(). */
void acme_want_staples(const struct acme *a, struct staples *s);
/* Tells the supervisor what has changed while fewer than `limit` packets wait. 0 or a negative errno. */
int acme_tell(struct acme *a, int limit);

#endif
