/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client that has left by RST while what it sent before still waits to be
 * read: nobody waits for what the cryptography would bring, nor for an answer
 * of the backend.
 */
#ifndef WORKER_GONE_H
#define WORKER_GONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The error at which the socket died, which it tells once, as a negative errno; 0: it lives. */
int gone_error(int fd);

/*
 * One of these records may be an alert, which says why it left. In TLS 1.3 only
 * its size tells an encrypted one from the end of a handshake (RFC 8446 5.2).
 */
bool gone_says_why(const uint8_t *records, size_t size);

#endif
