/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers of the control socket as text for people, on standard output. */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include <jansson.h>
#include <stdbool.h>

void show_status(const json_t *status);
void show_workers(const json_t *workers);
void show_worker(const json_t *worker);
void show_hosts(const json_t *hosts);
void show_chains(const json_t *chains);
void show_fetch(const json_t *fetch);
void show_host(const json_t *host);
/* What is told of an order or a fetch, in words; to be freed. */
char *fetch_text(const json_t *fetch);
void show_waits(const json_t *waits);
void show_backends(const json_t *backends);
/* The text format of Prometheus. */
void show_metrics(const json_t *metrics);
void show_drain(const json_t *drain);
void show_reload(const json_t *reloaded);
void show_replace(const json_t *replaced);
void show_close(const json_t *closed);
void show_log_level(const json_t *level);
/* ended: they come from the ring of ended ones. */
void show_connections(const json_t *connections, bool ended);
void show_explain(const json_t *explained);
void show_policies(const json_t *policies);
void show_incidents(const json_t *incidents);
/* The story first, then the parts. */
void show_incident(const json_t *incident);
void show_witness(const json_t *written);
void show_descriptors(const json_t *descriptors);
/* In groups, then one by one; of_nobody: only those, if there are any. */
void show_descriptors_part(const json_t *part, bool of_nobody);

#endif
