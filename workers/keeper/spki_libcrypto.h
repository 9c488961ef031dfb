/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The public key that a private one in PKCS#8 carries, taken out of its DER
 * and not computed: decoding a key costs twenty times as much, and most keys of
 * a large set are not used soon.
 */
#ifndef KEEPER_SPKI_LIBCRYPTO_H
#define KEEPER_SPKI_LIBCRYPTO_H

#include <stddef.h>
#include <stdint.h>

/*
 * The SubjectPublicKeyInfo (RFC 5280 4.1.2.7) of an RSA or ECDSA key of a kind
 * that is supported, as encoding the decoded key would give it. Returns its
 * size; *spki is to be freed with OPENSSL_free(). 0: what is there is of
 * another kind or form, or looks odd, and must be decoded to be judged.
 */
int spki_of_pkcs8(const uint8_t *der, size_t size, uint8_t **spki);

#endif
