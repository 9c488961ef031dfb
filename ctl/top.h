/* SPDX-License-Identifier: BSD-2-Clause */
/* The command top. */
#ifndef CTL_TOP_H
#define CTL_TOP_H

#include "ctl/commands.h"

extern const struct command_option top_options[];

/* A screen of rates every few seconds, until SIGINT or SIGTERM (done) or the server's end. */
enum exit_code top(struct run *run);

#endif
