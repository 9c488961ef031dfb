/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACME in a worker: which names certificates are ordered for, the challenges
 * that are open, and who is told that a client has asked for such a name.
 */
#ifndef WORKER_ACME_H
#define WORKER_ACME_H

#include "workers/worker/hello.h"
#include "workers/worker/worker.h"

struct acme;

/* 0 or -ENOMEM. */
int acme_init(struct worker *w);
void acme_clear(struct worker *w);

/* From the supervisor. 0 or a negative errno. */
int acme_names(struct worker *w, const struct msg_acme_names *m, struct packet *p);
void acme_challenges(struct worker *w, const struct msg_challenges *m, struct packet *p);

/* Certificates are ordered for the name. */
bool acme_lists(const struct worker *w, const char *name);
/* A client of a CA: it offers acme-tls/1, and certificates are ordered here. Such a connection never reaches a backend. */
bool acme_is_challenge(const struct worker *w, const struct hello *hello);
/* The certificate of the challenge that is open for the name; false: there is none. */
bool acme_find(const struct worker *w, const char *name, struct catalog_found *found);
/*
 * A client has asked for a listed name that has no certificate: the librarian
 * is told if orders are made on demand; not again for the same name within
 * seconds, and only so often for all.
 */
void acme_want(struct worker *w, const char *name);

#endif
