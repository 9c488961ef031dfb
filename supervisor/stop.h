/* SPDX-License-Identifier: BSD-2-Clause */
/* The orderly end: workers drain, then the roles they need end, the logger last. */
#ifndef SUPERVISOR_STOP_H
#define SUPERVISOR_STOP_H

#include "supervisor/supervisor.h"

/* Begins the end; at_once: workers do not drain. Called again it can only hasten. */
void stop_begin(struct supervisor *s, bool at_once);
/* A child has ended: goes on as far as possible, in the end out of the loop. */
void stop_advance(struct supervisor *s);

#endif
