/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading of files that somebody else wrote and opened. */
#ifndef LIBRARIAN_FILE_H
#define LIBRARIAN_FILE_H

#include <stddef.h>

/*
 * Reads a regular file or memfd, which is lent, from its start whatever its
 * offset. Gives its bytes; or returns -EINVAL and says why in error (of
 * MSG_TEXT_MAX bytes).
 */
int file_read(int fd, size_t max, char **data, size_t *size, char *error);
/* Frees them; a private key may have been among them. */
void file_forget(char *data, size_t size);

#endif
