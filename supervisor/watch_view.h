/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of watched processes, as JSON. */
#ifndef SUPERVISOR_WATCH_VIEW_H
#define SUPERVISOR_WATCH_VIEW_H

#include <jansson.h>
#include <stdint.h>

struct child;

/* null, or the verdict in force and what is done about it. */
json_t *watch_view_verdict(const struct child *c, uint64_t now_ns);
/* How often which verdict was found since the start; only those that were. */
json_t *watch_view_verdicts(const struct child *c);
uint64_t watch_replaced(const struct child *c);
/* The series of the last ten minutes, an array for each number, oldest first; null if there is none. */
json_t *watch_view_samples(const struct child *c, uint64_t now_ns);

#endif
