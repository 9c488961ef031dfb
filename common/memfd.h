/* SPDX-License-Identifier: BSD-2-Clause */
/* Anonymous shared memory with seals (memfd_create(2), fcntl(2)). */
#ifndef COMMON_MEMFD_H
#define COMMON_MEMFD_H

#include <stddef.h>
#include <sys/types.h>

/* A memfd of that size, close-on-exec, not executable where the kernel can. */
int memfd_new(const char *name, size_t size);
/* Writes all of it; 0 or negative errno. */
int memfd_write(int fd, size_t offset, const void *data, size_t size);
/* No more writing, growing, shrinking or sealing. Unmap writable views first. */
int memfd_seal_all(int fd);
/* Fixes the size only: for memory that its reader and writer share. */
int memfd_seal_size(int fd);
/* No more seals; -EPERM where that was said before. */
int memfd_seal_seals(int fd);
/* A descriptor that shares the memory, but cannot write; or a negative errno. */
int memfd_open_for_reading(int fd);

/*
 * Maps a received memfd for reading after checking that it is sealed against
 * all writing. *size gets its size, at most limit. NULL with errno set
 * (EPERM: a seal is missing; EFBIG; EINVAL: empty). fd stays the caller's.
 */
const void *memfd_map_sealed(int fd, size_t limit, size_t *size);

#endif
