/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the supervisor knows, as JSON: its children, their ledgers, connection
 * records. Durations are milliseconds, ages count back from now. Each function
 * gives a new reference, or NULL if memory ran out.
 */
#ifndef SUPERVISOR_VIEW_H
#define SUPERVISOR_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/ledger.h"
#include "supervisor/supervisor.h"

/* json_text() (common/json_text.h) */
json_t *view_text(const char *text);
/* Numbers past what JSON readers take as integers are cut to 63 bits. */
json_t *view_u64(uint64_t v);
/* Takes value; harmless if object or value is NULL. */
void view_set(json_t *object, const char *key, json_t *value);

/*
 * Workers fill their tables from the front, so after a run of that many
 * records that were never used there are none that were. Reading on would only
 * make memory of pages that have none.
 */
#define VIEW_UNUSED_RUN 16

/* How many records the mapping holds, whatever the head says by now. */
uint32_t view_conns_n(const struct ledger *l);
uint32_t view_ended_n(const struct ledger *l);

/* Connections that live, by phase, over n children. */
void view_phases(const struct child *list, int n, uint64_t counts[PHASE_COUNT]);
/* What all workers have seen of a server of a backend. */
void view_server(const struct supervisor *s, const char *backend, const char *label, struct ledger_server *sum);
/* What came of the calls of a script, in all workers and those before them. */
void view_policy(const struct supervisor *s, const struct policy_script *script, struct ledger_policy *sum);
bool view_was_asked(const struct ledger_policy *sum, enum asked a);
/* Gauges of a process that is gone are 0. */
uint64_t view_gauge(const struct child *c, enum gauge g);

json_t *view_status(const struct supervisor *s, uint64_t now_ns);
/* One of the workers in a few numbers, and with all there is. */
json_t *view_worker_brief(const struct child *w, uint64_t now_ns);
json_t *view_worker_full(const struct supervisor *s, const struct child *w, uint64_t now_ns);

/* A copied record; whole: as ledger_conn_copy() said; ended: it came from the ring. */
json_t *view_conn(const struct supervisor *s, const struct child *w, const struct ledger_conn *c,
	bool whole, bool ended, uint64_t now_ns);

#endif
