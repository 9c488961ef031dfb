/* SPDX-License-Identifier: BSD-2-Clause */
/* The names of the catalog for the control socket: its entries, never what is in a certificate. */
#ifndef SUPERVISOR_HOSTS_H
#define SUPERVISOR_HOSTS_H

struct hosts;

/* Takes NULL. */
void hosts_free(struct hosts *h);

#endif
