/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/x25519.h"

#include <errno.h>
#include <nettle/curve25519.h>
#include <sodium.h>

/* Chooses the code for this processor. */
int x25519_init(void)
{
	return sodium_init() < 0 ? -ENOSYS : 0;
}

/*
 * GnuTLS calls this function of nettle's through the procedure linkage table,
 * and so finds ours first (symbol interposition). One that is linked otherwise
 * keeps to nettle. The points whose product is zero, which libsodium tells by
 * its result, GnuTLS refuses by looking at q (RFC 7748 6.1).
 */
void curve25519_mul(uint8_t *q, const uint8_t *n, const uint8_t *p)
{
	(void)!crypto_scalarmult_curve25519(q, n, p);
}
