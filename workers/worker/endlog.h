/* SPDX-License-Identifier: BSD-2-Clause */
/* The one log line of a connection, at its end. */
#ifndef WORKER_ENDLOG_H
#define WORKER_ENDLOG_H

#include "workers/worker/conn.h"

void endlog_write(const struct conn *c);

#endif
