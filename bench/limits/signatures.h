/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the signatures that GnuTLS makes in this process cost. Linked in, it
 * stands between libgnutls and its own gnutls_privkey_sign_data2, by which it
 * signs in handshakes.
 */
#ifndef BENCH_LIMITS_SIGNATURES_H
#define BENCH_LIMITS_SIGNATURES_H

/* Prints their number and the microseconds of CPU of each, in JSON. */
void signatures_print(void);

#endif
