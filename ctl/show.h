/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers of the control socket as text for people, on standard output. */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include <jansson.h>
#include <stdbool.h>

void show_status(const json_t *status);
void show_workers(const json_t *workers);
void show_worker(const json_t *worker);
/* ended: they come from the ring of ended ones. */
void show_connections(const json_t *connections, bool ended);

#endif
