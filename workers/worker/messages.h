/* SPDX-License-Identifier: BSD-2-Clause */
/* What the supervisor tells the worker, and the worker the supervisor. */
#ifndef WORKER_MESSAGES_H
#define WORKER_MESSAGES_H

#include "workers/worker/worker.h"

void messages_start(struct worker *w);
void messages_stop(struct worker *w);
/* Sends or queues. A supervisor that is gone is found out by the reading side. */
void messages_send(struct worker *w, const struct msg *m);

/*
 * What MSG_SETTINGS says; *tls is the caller's. 0, or a negative errno after
 * an error was logged.
 */
int messages_settings(const struct msg_settings *m, struct worker_settings *settings, struct tls_settings **tls);

#endif
