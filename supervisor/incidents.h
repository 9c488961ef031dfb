/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Incident reports: one JSON file in the state directory for each process that
 * was found sick or died, written by a witness, which the supervisor starts
 * and gives a deadline. The list is bounded in number and size, and survives a
 * restart.
 */
#ifndef SUPERVISOR_INCIDENTS_H
#define SUPERVISOR_INCIDENTS_H

#include <jansson.h>

#include "plugins/detect/detect.h"
#include "supervisor/child.h"

struct incidents;

struct incidents *incidents_new(struct supervisor *s);
void incidents_free(struct incidents *i);

/*
 * Opens an incident: copies what the ledger tells at once (the process may go
 * any moment), and, while the process lives, starts a witness. samples (n,
 * oldest first) are copied. done (may be NULL) is called once, when the report
 * is written or its deadline is over: the process is not needed alive any
 * more. Returns the incident's id, for the log and for `what was done`; NULL
 * if it is not kept (too many at once): done is not called then. The id lives
 * until the incident is finished and closed.
 */
const char *incidents_open(struct incidents *i, struct child *c, const struct verdict *v,
	const struct sample *samples, size_t n, void (*done)(struct supervisor *s, struct child *c));
/* A step that was taken about it: "successor ready", "drains", "killed": added to the report. */
void incidents_step(struct incidents *i, const char *id, const char *text);

#endif
