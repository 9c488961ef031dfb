/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The key exchange of nearly all handshakes (RFC 7748), by libsodium: its
 * multiplication takes about half as long as that of nettle, which GnuTLS
 * would use. Linking this is all it takes; see x25519.c.
 */
#ifndef WORKER_X25519_H
#define WORKER_X25519_H

/* Once, before the first handshake and the sandbox; 0 or a negative errno. */
int x25519_init(void);

#endif
