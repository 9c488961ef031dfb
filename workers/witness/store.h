/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The directory of reports: ID.json each. Written under another name and then
 * renamed, so that none is ever half there; bounded in number and bytes, the
 * oldest go. IDs begin with the time, so that names sort by age.
 */
#ifndef WITNESS_STORE_H
#define WITNESS_STORE_H

#include <jansson.h>
#include <stddef.h>

#define STORE_FILES_MAX 100
#define STORE_BYTES_MAX (16u << 20)
#define STORE_FILE_BYTES (256u << 10)

/* Returns 0 or a negative errno; nothing is left behind then. */
int store_write(int dir, const char *id, const char *text, size_t size);
/* Removes the oldest beyond the bounds, and what a writer left a minute ago that died. */
void store_prune(int dir, size_t files_max, size_t bytes_max);
/* New reference, or NULL with errno set (EBADMSG: it is no report). */
json_t *store_read(int dir, const char *id, size_t *size);
/* [{id, bytes, and what is of use in a list}], oldest first. */
json_t *store_list(int dir);

#endif
