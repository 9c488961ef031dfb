/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tells the service manager how far we are: sd_notify(3), its watchdog, and a
 * newline on a descriptor for managers like s6. Does nothing without one.
 */
#ifndef SUPERVISOR_READY_H
#define SUPERVISOR_READY_H

#include <ev.h>
#include <stdint.h>

struct ready {
	int fd;			/* gets the newline, then is closed; -1: none */
	ev_timer watchdog;
};

/* fd: -1, or an open descriptor, which it takes. */
void ready_init(struct ready *r, int fd);
/* Sends the watchdog's sign of life while the loop turns, if the manager asked for one. */
void ready_watch(struct ready *r, struct ev_loop *loop);
void ready_clear(struct ready *r, struct ev_loop *loop);

void ready_tell_ready(struct ready *r, const char *status);
/* A reload begins; and is over, well or not: all goes on. */
void ready_tell_reloading(void);
void ready_tell_reloaded(const char *status);
void ready_tell_status(const char *status);
/* within_ms: how long it may take until the end; the manager is asked for that time. */
void ready_tell_stopping(uint64_t within_ms);

#endif
