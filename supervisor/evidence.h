/* SPDX-License-Identifier: BSD-2-Clause */
/* Between those who watch and those who report: a report of a watched process, if reports are made. */
#ifndef SUPERVISOR_EVIDENCE_H
#define SUPERVISOR_EVIDENCE_H

struct watched;

/*
 * Opens a report. While p->evidence is false the process is needed alive;
 * replacing_evidence() is called when it becomes true.
 */
void evidence_open(struct watched *p);
void evidence_step(struct watched *p, const char *text);

#endif
