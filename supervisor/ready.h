/* SPDX-License-Identifier: BSD-2-Clause */
/* Tells the service manager how far we are (sd_notify(3)); does nothing without one. */
#ifndef SUPERVISOR_READY_H
#define SUPERVISOR_READY_H

void ready_tell_ready(const char *status);
void ready_tell_status(const char *status);
void ready_tell_stopping(void);

#endif
