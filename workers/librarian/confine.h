/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The librarian under Landlock (landlock.h): the cache directory is its own,
 * and it reads what getaddrinfo(3) reads. All other files come to it open.
 */
#ifndef LIBRARIAN_CONFINE_H
#define LIBRARIAN_CONFINE_H

/* cache: the directory, lent; -1: there is none. Not to be undone. 0 or a negative errno. */
int confine(int cache);

#endif
