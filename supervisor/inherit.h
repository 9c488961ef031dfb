/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Listening sockets that the service manager has opened for us
 * (sd_listen_fds(3)): each belongs to the listener whose name it has.
 */
#ifndef SUPERVISOR_INHERIT_H
#define SUPERVISOR_INHERIT_H

#include "supervisor/conf.h"

/*
 * Puts them into fds (one place for each listener; untouched where the manager
 * has none) and forgets them from the environment. What fits no listener is
 * reported, one by one; then -EINVAL. What is in fds belongs to the caller
 * either way.
 */
int inherit_listeners(const struct conf *conf, int *fds, conf_report *report, void *data);

#endif
