/* SPDX-License-Identifier: BSD-2-Clause */
/* The policy messages of the supervisor; w->policies is what is asked. */
#ifndef WORKER_POLICIES_H
#define WORKER_POLICIES_H

#include "workers/worker/worker.h"

/* The configuration alone is asked at first. 0 or -ENOMEM. */
int policies_init(struct worker *w);
void policies_clear(struct worker *w);

/* MSG_POLICY, MSG_SET or MSG_SCRIPT. 0 or a negative errno. */
int policies_take(struct worker *w, const struct msg *m, struct packet *p);
/*
 * Loads and answers a policy of which all has come, if there is one. Returns
 * "" or why the one before stays; it lives until the next policy.
 */
const char *policies_commit(struct worker *w, uint32_t id);

#endif
