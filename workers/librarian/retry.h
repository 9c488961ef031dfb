/* SPDX-License-Identifier: BSD-2-Clause */
/* What all that is fetched, and may fail, has in common. */
#ifndef LIBRARIAN_RETRY_H
#define LIBRARIAN_RETRY_H

#include <stddef.h>
#include <stdint.h>

#define RETRY_MIN_S 15
#define RETRY_MAX_S (4 * 3600)

/*
 * Seconds until the next try: RETRY_MIN_S after the first failure, twice as
 * long each time, up to RETRY_MAX_S; by random() a quarter more or less.
 */
int64_t retry_after_s(uint32_t failures);
/* Copies an error. Bytes of peers may be in it: what is no printable ASCII becomes '?'. */
void retry_error(const char *why, char *to, size_t size);

#endif
