/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The public key that a private one in PKCS#8 carries, taken out of its DER
 * and not computed: decoding a key costs twenty times as much, and most keys of
 * a large set are not used soon.
 */
#ifndef KEEPER_SPKI_LIBCRYPTO_H
#define KEEPER_SPKI_LIBCRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The SubjectPublicKeyInfo (RFC 5280 4.1.2.7) of an RSA or ECDSA key of a kind
 * that is supported, as encoding the decoded key would give it. Returns its
 * size; *spki is to be freed with OPENSSL_free(). 0: what is there is of
 * another kind or form, or looks odd, and must be decoded to be judged.
 */
int spki_of_pkcs8(const uint8_t *der, size_t size, uint8_t **spki);

/*
 * The parts of a key in PKCS#8 whose form is the one in which libraries write
 * ECDSA keys on common curves; they lie in its DER. False: it is of another.
 */
struct pkcs8_common {
	int form;			/* of common/spki.h */
	const uint8_t *private, *point;
	size_t private_size;
};
bool pkcs8_common(const uint8_t *der, size_t size, struct pkcs8_common *parts);

#endif
