/* SPDX-License-Identifier: BSD-2-Clause */
/* A host set of a text file. */
#ifndef LIBRARIAN_SET_H
#define LIBRARIAN_SET_H

#include <stddef.h>
#include <stdint.h>

/*
 * Reads the file, which is lent, and makes a sealed host set of it. Returns
 * its memfd and the number of names, or a negative errno with err saying why,
 * and on which line.
 */
int set_make(int file, uint32_t *names, char *err, size_t err_size);

#endif
