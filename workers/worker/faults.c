/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/faults.h"

#include <errno.h>

#include "common/faults.h"
#include "workers/worker/conn.h"

/* The connections with a fault; not in struct conn, which is of ordinary builds. */
static struct { uint64_t spins, crashes; } ids;

int faults_take(struct worker *w, const struct msg_fault *m)
{
	if (m->kind == FAULT_SPIN_CONNECTION)
		ids.spins = m->conn;
	else if (m->kind == FAULT_CRASH_CONNECTION)
		ids.crashes = m->conn;
	else
		return -EINVAL;
	conn_rearm_all(w);
	return 0;
}

void faults_called(const struct conn *c)
{
	if (ids.crashes != 0 && c->rec->id == ids.crashes)
		fault_crash();
}

/* Room to write is always there, and nothing to be written: each call is in vain. */
int faults_events(const struct conn *c, int events)
{
	return ids.spins != 0 && c->rec->id == ids.spins ? events | EV_WRITE : events;
}
