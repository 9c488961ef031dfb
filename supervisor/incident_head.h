/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cheap half of the evidence: what a process's ledger tells, also of one
 * that hangs or has died. Bounded in size and time: 65,536 records are looked
 * at, few are copied.
 */
#ifndef SUPERVISOR_INCIDENT_HEAD_H
#define SUPERVISOR_INCIDENT_HEAD_H

#include <jansson.h>

#include "plugins/detect/detect.h"
#include "supervisor/child.h"

#define INCIDENT_HEAD_CONNECTIONS 60	/* shown one by one */
#define INCIDENT_HEAD_RESTLESS 10
#define INCIDENT_HEAD_NAMES 10
#define INCIDENT_HEAD_SAMPLES 60
#define INCIDENT_HEAD_SPURIOUS 10	/* wake-ups without progress that make a connection restless */

/* What is known at once, for the head of a report. New reference. */
json_t *incident_head(const struct supervisor *s, const struct child *c, uint64_t now_ns);
/* Samples, thinned out, the last one always among them. */
json_t *incident_head_samples(const struct sample *samples, size_t n, uint64_t now_ns);

#endif
