/* SPDX-License-Identifier: BSD-2-Clause */
/* The workers: what each is sent, which core it runs on. */
#ifndef SUPERVISOR_WORKERS_H
#define SUPERVISOR_WORKERS_H

#include "supervisor/child.h"
#include "supervisor/conf.h"

extern const struct child_ops worker_ops;

/* A place for one more worker, down; NULL: all are in use. */
struct child *workers_new_place(struct supervisor *s);
/* A vacant one, or a new one. */
struct child *workers_free_place(struct supervisor *s);
/* It takes new connections, or will. */
bool worker_serves(const struct child *c);

/* It is down and another worker has its seat, or none has it any more: nothing more is to be told of it, and its place is free. */
bool worker_is_vacant(const struct supervisor *s, const struct child *c);

/* The core that a worker is pinned to, or -1. */
int worker_cpu(struct supervisor *s, struct child *c);
/* Number of workers that the configuration means on this machine. */
int workers_wanted(const struct conf *conf);
/* It runs and has been sent what it needs. */
bool worker_is_served(const struct child *c);

/* To one worker, in an update. */
void workers_send_settings(struct supervisor *s, struct child *c);
void workers_send_backends(struct supervisor *s, struct child *c);
void workers_send_listener_updates(struct supervisor *s, struct child *c);
/* To all workers that are served. */
void workers_send_backend(struct supervisor *s, int backend);
void workers_send_catalog(struct supervisor *s);
/* Makes a new ticket seed and sends it. 0 or a negative errno. */
int workers_new_seed(struct supervisor *s);

#endif
