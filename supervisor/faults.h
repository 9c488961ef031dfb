/* SPDX-License-Identifier: BSD-2-Clause */
/* The method `fault` of builds with --enable-faults, for tests. In others nothing is left of this. */
#ifndef SUPERVISOR_FAULTS_H
#define SUPERVISOR_FAULTS_H

#ifdef WITH_FAULTS

#include "supervisor/methods.h"

extern const struct param fault_params[];
json_t *method_fault(struct call *call);
/* A process has introduced itself. */
void faults_introduced(struct supervisor *s, struct child *c);

#else
#define faults_introduced(s, c) ((void)0)
#endif
#endif
