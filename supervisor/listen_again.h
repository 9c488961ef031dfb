/* SPDX-License-Identifier: BSD-2-Clause */
/* Listening sockets of a reload: those that stay, and new ones. Never blocks. */
#ifndef SUPERVISOR_LISTEN_AGAIN_H
#define SUPERVISOR_LISTEN_AGAIN_H

#include "supervisor/supervisor.h"

/*
 * Sockets for all listeners of conf into fds: duplicates where one that is in
 * use, or was inherited from the service manager, has the address, else new
 * ones. Reports what cannot be had, and returns -EADDRINUSE then; what is in
 * fds is the caller's in either case.
 */
int listen_again(const struct supervisor *s, const struct conf *conf, int *fds, conf_report *report, void *data);

/* Notes which of the sockets the service manager gave: it goes on to hold them, and so do we. */
int listen_keep_inherited(struct supervisor *s);

/*
 * A listener's number: the same for a name as long as tlsward runs, so that a
 * worker of an older configuration means the same. -1: there is none.
 */
int listen_number(const struct supervisor *s, const char *name);
const char *listen_name(const struct supervisor *s, int number);
/* Gives every listener of conf a number. 0, -ENOMEM, or -ENOSPC: all are used up. */
int listen_number_all(struct supervisor *s, const struct conf *conf);
void listen_again_clear(struct supervisor *s);

#endif
