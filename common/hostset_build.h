/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes host sets (hostset.h) of text. */
#ifndef COMMON_HOSTSET_BUILD_H
#define COMMON_HOSTSET_BUILD_H

#include <stddef.h>
#include <stdint.h>

#define HOSTSET_TEXT_MAX ((size_t)64 << 20)
#define HOSTSET_NAMES_MAX ((size_t)4 << 20)

/*
 * text: one name a line, in any case; # begins a comment; blank lines and
 * names given twice are fine. *fd gets a sealed memfd, *names how many names
 * are in it. Returns 0 or a negative errno; on the first line that is no name
 * (-EINVAL) and on any other error nothing is made, and err says why, with the
 * number of the line.
 */
int hostset_build(const char *text, size_t size, int *fd, uint32_t *names, char *err, size_t err_size);

#endif
