/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A reload in a worker: what comes between MSG_UPDATE and MSG_COMMIT is kept,
 * and takes effect whole at the commit, or not at all.
 */
#ifndef WORKER_UPDATE_H
#define WORKER_UPDATE_H

#include "workers/worker/worker.h"

/* 0 or -ENOMEM. */
int update_init(struct worker *w);
void update_clear(struct worker *w);

/* Drops an update before that has not been committed. */
void update_begin(struct worker *w, uint32_t generation);
bool update_is_open(const struct worker *w);
/* One of the messages of an update. 0 or a negative errno, which ends the worker. */
int update_take(struct worker *w, const struct msg *m, struct packet *p);
/* Answers. 0, or -EPROTO: there is no such update. */
int update_commit(struct worker *w, const struct msg *m);

#endif
