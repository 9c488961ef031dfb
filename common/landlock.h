/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Landlock (landlock(7)): no file may be opened, and TCP may connect to the
 * given ports only, where the kernel can tell (ABI 4, Linux 6.7). What
 * Landlock does not cover (fast open, datagrams, Unix sockets, listen) is
 * sandbox.c's.
 */
#ifndef COMMON_LANDLOCK_H
#define COMMON_LANDLOCK_H

#include <stddef.h>
#include <stdint.h>

/*
 * For the calling process, not to be undone; needs no_new_privs. Returns the
 * kernel's ABI (less than 4: ports are not restricted, files are), or a
 * negative errno.
 */
int landlock_enter(const uint16_t *ports, size_t n);
/*
 * The same without any port, for roles that open and connect nothing. "", or
 * what does not hold, in words for MSG_INTRO_ANS.
 */
const char *landlock_enter_all(void);

#endif
