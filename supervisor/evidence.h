/* SPDX-License-Identifier: BSD-2-Clause */
/* Between those who watch and those who report: a report of a watched process. */
#ifndef SUPERVISOR_EVIDENCE_H
#define SUPERVISOR_EVIDENCE_H

#include <stdbool.h>

struct child;
struct supervisor;
struct watched;

/*
 * Opens a report. While p->evidence is false the process is needed alive;
 * replacing_evidence() is called when it becomes true.
 */
void evidence_open(struct watched *p);
void evidence_step(struct watched *p, const char *text);
/* A worker whose successor is ready must not drain yet: without connections it would be gone at once. */
bool evidence_holds(const struct supervisor *s, const struct child *worker);

#endif
