/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For tests of the keeper: keys, what a TLS server signs with them, and an
 * independent check of the signatures, by libcrypto.
 */
#ifndef T_UNIT_TLSKEYS_H
#define T_UNIT_TLSKEYS_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"

/* A new key each time, to be freed by the caller. */
EVP_PKEY *tlskeys_rsa(int bits);
EVP_PKEY *tlskeys_ec(const char *curve);
EVP_PKEY *tlskeys_ed25519(void);

/* PKCS#8, or the older form of that algorithm; passphrase: NULL for none. To be freed with free(). */
char *tlskeys_pem(EVP_PKEY *key, bool old_form, const char *passphrase);
void tlskeys_id(EVP_PKEY *key, uint8_t id[KEY_ID_BYTES]);

/* Both write at most 512 bytes and return how many. */
size_t tlskeys_tls13(uint8_t *out, size_t hash_bytes);
size_t tlskeys_tls12(uint8_t *out, uint16_t group, uint8_t point_bytes);

bool tlskeys_verify(EVP_PKEY *key, uint16_t scheme, const uint8_t *data, size_t size,
	const uint8_t *signature, size_t signature_size);

#endif
