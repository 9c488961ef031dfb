/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a keeper server signs: the two forms in which a TLS server signs, and
 * nothing else. Who takes over a worker can get handshakes signed while it
 * lasts, but no certificate request, no document, no bare hash.
 */
#ifndef KEEPER_FORMS_H
#define KEEPER_FORMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"

enum key_kind { KEY_RSA, KEY_EC_P256, KEY_EC_P384, KEY_EC_P521, KEY_ED25519 };

/* TLS SignatureScheme (RFC 8446 4.2.3), those that we sign with. */
enum scheme {
	SCHEME_RSA_PKCS1_SHA256 = 0x0401,
	SCHEME_RSA_PKCS1_SHA384 = 0x0501,
	SCHEME_RSA_PKCS1_SHA512 = 0x0601,
	SCHEME_ECDSA_SHA256 = 0x0403,
	SCHEME_ECDSA_SHA384 = 0x0503,
	SCHEME_ECDSA_SHA512 = 0x0603,
	SCHEME_RSA_PSS_SHA256 = 0x0804,
	SCHEME_RSA_PSS_SHA384 = 0x0805,
	SCHEME_RSA_PSS_SHA512 = 0x0806,
	SCHEME_ED25519 = 0x0807,
};

/*
 * True if the data has exactly that form: the content of a TLS 1.3 server's
 * CertificateVerify (RFC 8446 4.4.3), or both randoms and ServerECDHParams of
 * a known curve (RFC 8422 5.4).
 */
bool form_holds(enum sign_form form, const uint8_t *data, size_t size);

/*
 * True if a key of that kind may sign so. TLS 1.3 binds each ECDSA scheme to
 * its curve and knows no PKCS#1 v1.5; TLS 1.2 binds no curve. SHA-1 never.
 */
bool form_allows(enum sign_form form, uint16_t scheme, enum key_kind kind);

#endif
