/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Landlock (landlock(7)): no file may be opened, and TCP may connect to the
 * given ports only, where the kernel can tell (ABI 4, Linux 6.7). What
 * Landlock does not cover (fast open, datagrams, Unix sockets, listen) is
 * sandbox.c's.
 */
#ifndef COMMON_LANDLOCK_H
#define COMMON_LANDLOCK_H

#include <stdbool.h>
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

#define LANDLOCK_MISSING "file access (Landlock): not in this kernel"

/* A file, or a folder with all below it; fd is lent, O_PATH will do. */
struct landlock_place { int fd; bool read, write, execute; };
/* All: what its user may, for a program of others. */
enum landlock_reads { LANDLOCK_READS_PLACES, LANDLOCK_READS_ALL };

/*
 * It may read files and list folders only in places to be read (or anywhere),
 * write, make and remove files only in those to be written, and execute only in
 * those to be executed. Ports are not restricted. 0 or a negative errno
 * (-ENOSYS or -EOPNOTSUPP: not in this kernel).
 */
int landlock_enter_places(const struct landlock_place *places, size_t n, enum landlock_reads reads);

#endif
