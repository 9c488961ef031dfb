/* SPDX-License-Identifier: BSD-2-Clause */
/* When certificates are ordered: pure functions of times, all of them Unix seconds. */
#ifndef LIBRARIAN_ACME_WHEN_H
#define LIBRARIAN_ACME_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#define ACME_BACKOFF_MIN_S 60
#define ACME_BACKOFF_MAX_S 86400
#define ACME_RATE_LIMIT_S 3600		/* at least, after the CA has said that it was asked too often */

/*
 * When a certificate is renewed: two thirds through its lifetime, and up to a
 * 24th of that sooner, by name, so that those that were ordered together are
 * not renewed together. The same after a restart.
 */
int64_t acme_renewal(const char *name, int64_t not_before, int64_t not_after);

/* Seconds to the next try after so many failures in a row: doubled each time, a quarter more or less by `chance`. */
int64_t acme_backoff(uint32_t failures, bool rate_limited, uint32_t chance);

/* Whether this is a CA's word for having been asked too often (RFC 8555 6.7). */
bool acme_is_rate_limit(const char *output);

#endif
