/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers of processes to what an operator asked for over the control socket. */
#ifndef SUPERVISOR_OPERATOR_H
#define SUPERVISOR_OPERATOR_H

#include "supervisor/supervisor.h"

/* A worker's answer to close. */
void operator_on_close_ans(struct supervisor *s, const struct child *worker, const struct msg *m);

#endif
