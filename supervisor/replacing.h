/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is done with a sick process, step by step. A worker: evidence, a
 * successor, and when that is ready, draining; one that cannot drain because
 * its loop does not turn is ended as soon as the evidence is there. The other
 * roles are single: evidence, then an end, and a new one.
 * Few at once: what makes many sick at the same time is not in them.
 */
#ifndef SUPERVISOR_REPLACING_H
#define SUPERVISOR_REPLACING_H

struct watched;

void replacing_begin(struct watched *p);
/* The policy's other answers. */
void replacing_keep(struct watched *p);
void replacing_drain_only(struct watched *p);
/* It drains, whoever told it to. */
void replacing_drains(struct watched *p);
/* Once in an interval, while it is sick. */
void replacing_turn(struct watched *p);
/* The evidence is there, or its deadline over. */
void replacing_evidence(struct watched *p);

#endif
