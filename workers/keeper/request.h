/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the keeper signs for ACME, written by itself and only in these two
 * forms: the request for a certificate (PKCS#10, RFC 2986) with one name, and
 * the certificate that answers a tls-alpn-01 challenge (RFC 8737 3).
 */
#ifndef KEEPER_REQUEST_H
#define KEEPER_REQUEST_H

#include "workers/keeper/sign.h"

#define REQUEST_BYTES_MAX 2048
#define REQUEST_DIGEST_BYTES 32

/* DER into out (REQUEST_BYTES_MAX); key is on P-256. Each returns the size or a negative errno. */
int request_make(struct sign_key *key, const char *name, uint8_t *out);
/* digest: SHA-256 of the key authorization; now: Unix seconds. */
int request_challenge(struct sign_key *key, const char *name, const uint8_t digest[REQUEST_DIGEST_BYTES], int64_t now, uint8_t *out);

#endif
