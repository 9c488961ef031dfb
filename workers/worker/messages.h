/* SPDX-License-Identifier: BSD-2-Clause */
/* What the supervisor tells the worker, and the worker the supervisor. */
#ifndef WORKER_MESSAGES_H
#define WORKER_MESSAGES_H

#include "workers/worker/worker.h"

void messages_start(struct worker *w);
void messages_stop(struct worker *w);
/* Sends or queues. A supervisor that is gone is found out by the reading side. */
void messages_send(struct worker *w, const struct msg *m);

#endif
