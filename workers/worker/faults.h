/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of one connection (common/faults.h). In an ordinary build there are none, and nothing is left of this. */
#ifndef WORKER_FAULTS_H
#define WORKER_FAULTS_H

#ifdef WITH_FAULTS

#include "common/msg.h"

struct conn;
struct worker;

int faults_take(struct worker *w, const struct msg_fault *m);
/* The loop has called the connection. */
void faults_called(const struct conn *c);
/* What its client's socket is to be watched for, instead of these events. */
int faults_events(const struct conn *c, int events);

#else
#define faults_called(c) ((void)0)
#define faults_events(c, events) (events)
#endif
#endif
