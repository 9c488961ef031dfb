/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The listening sockets: opened once, before privileges are dropped, and
 * shared by all workers. An address that workers of a run before still hold is
 * waited for, then taken from them.
 */
#ifndef SUPERVISOR_LISTEN_H
#define SUPERVISOR_LISTEN_H

#include <stdbool.h>

#include "common/addr.h"
#include "supervisor/conf.h"
#include "supervisor/state.h"

/*
 * Opens one for each listener of the configuration whose place in fds is -1.
 * May block for about a second. Reports every one that cannot be had; returns 0 or -EADDRINUSE.
 */
int listen_open(const struct conf *conf, const struct state *st, int *fds, conf_report *report, void *data);
/* Whether the addresses are ours to bind; one in use, or not allowed now, is fine. */
int listen_check(const struct conf *conf, conf_report *report, void *data);
/* A socket for that address, or a negative errno; never blocks. */
int listen_open_address(const struct addr *a);
/* Why a listener cannot be had. */
void listen_report(const struct conf_listener *l, int rc, conf_report *report, void *data);
void listen_close(int *fds, int n);

#endif
