/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keeper's only view of a crypto library: reading keys and signing with
 * them. sign_libcrypto.c and sign_gnutls.c are the two that fill it; configure
 * chooses one. It signs what it is told; what may be signed is forms.h.
 */
#ifndef KEEPER_SIGN_H
#define KEEPER_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"
#include "workers/keeper/forms.h"

#define SIGN_RSA_BITS_MIN 2048
#define SIGN_RSA_BITS_MAX 8192		/* beyond it, one signature takes longer than a worker waits */
#define SIGN_SIGNATURE_MAX (SIGN_RSA_BITS_MAX / 8)
#define SIGN_SUPPORTED "RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 and P-521, Ed25519"

/*
 * What the library needs once per process; before anything else uses it, and
 * before the sandbox, as it may open files. NULL with errno set.
 */
struct sign_lib;
struct sign_lib *sign_lib_new(void);
void sign_lib_free(struct sign_lib *lib);

/* A key as the store keeps it. */
struct sign_import {
	uint8_t id[KEY_ID_BYTES];
	uint8_t *der;			/* PKCS#8, not encrypted; owned */
	size_t size;
};

/*
 * Reads one PEM block with an unencrypted key. Returns 0, -ENOTSUP for a key
 * of another kind than SIGN_SUPPORTED, -EBADMSG for what cannot be decoded,
 * -ENOMEM. *out is to be cleared in any case, which wipes the key.
 */
int sign_import_pem(struct sign_lib *lib, const char *pem, size_t size, struct sign_import *out);
/* A new key on P-256; the same as if it had been read. 0 or a negative errno. */
int sign_generate(struct sign_lib *lib, struct sign_import *out);
void sign_import_clear(struct sign_import *out);

/* A key ready for signing, from DER as imported. It must not outlive lib. */
struct sign_key;
struct sign_key *sign_key_new(struct sign_lib *lib, const uint8_t *der, size_t size);
void sign_key_free(struct sign_key *key);
enum key_kind sign_key_kind(const struct sign_key *key);
/* Its SubjectPublicKeyInfo (DER); returns the size, or a negative errno. */
int sign_key_public(const struct sign_key *key, uint8_t *out, size_t cap);

/*
 * Signs data with one of enum scheme, which must fit the kind of the key. out
 * has room for SIGN_SIGNATURE_MAX bytes. Returns the signature's size (ECDSA:
 * DER) or a negative errno.
 */
int sign_data(struct sign_key *key, uint16_t scheme, const uint8_t *data, size_t size, uint8_t *out);

#endif
