/* SPDX-License-Identifier: BSD-2-Clause */
/* The command events. */
#ifndef CTL_FOLLOW_H
#define CTL_FOLLOW_H

#include "ctl/commands.h"

/* Prints events, a line each, until SIGINT or SIGTERM (done) or the server's end. */
enum exit_code follow_events(struct run *run);

#endif
