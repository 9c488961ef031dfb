/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading of files that somebody else wrote and opened; writing of our own. */
#ifndef LIBRARIAN_FILE_H
#define LIBRARIAN_FILE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Reads a regular file or memfd, which is lent, from its start whatever its
 * offset. Gives its bytes; or returns -EINVAL and says why in error (of
 * MSG_TEXT_MAX bytes).
 */
int file_read(int fd, size_t max, char **data, size_t *size, char *error);
/* Frees them; a private key may have been among them. */
void file_forget(char *data, size_t size);

/*
 * Into data, from the file's start: the number of bytes, fewer than size if it
 * has become shorter meanwhile, or a negative errno.
 */
ssize_t file_read_up_to(int fd, char *data, size_t size);
/* All of it. 0 or a negative errno. */
int file_write(int fd, const char *data, size_t size);

#define FILE_NEW ".new"		/* behind the name of what is being written */

/*
 * Writes a file of a directory beside the one of that name, to the disk, and
 * puts it in its place: there is never half a one. 0 or a negative errno.
 */
int file_replace(int dir, const char *name, const char *text, size_t size);

#endif
