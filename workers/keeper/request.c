/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/keeper/request.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "workers/keeper/der.h"

#define DAY_S 86400
#define PUBLIC_BYTES_MAX 128	/* 91 on P-256 */

static const uint8_t ecdsa_sha256[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };	/* RFC 5758 3.2 */
static const uint8_t extension_request[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e };	/* RFC 2985 5.4.2 */
static const uint8_t subject_alt_name[] = { 0x55, 0x1d, 0x11 };	/* RFC 5280 4.2.1.6 */
static const uint8_t acme_identifier[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x1f };	/* RFC 8737 3 */
static const uint8_t common_name[] = { 0x55, 0x04, 0x03 };

static void put_algorithm(struct der *d)
{
	size_t after = d->size;

	der_put(d, DER_OID, ecdsa_sha256, sizeof ecdsa_sha256);
	der_wrap(d, DER_SEQUENCE, after);
}

/* What is signed is the content so far; algorithm and signature follow it. */
static int finish(struct sign_key *key, struct der *signed_part, uint8_t *out)
{
	uint8_t signature[SIGN_SIGNATURE_MAX + 1] = { 0 }, memory[REQUEST_BYTES_MAX];
	struct der d;

	if (signed_part->failed)
		return -EMSGSIZE;
	int n = sign_data(key, SCHEME_ECDSA_SHA256, signed_part->at, signed_part->size, signature + 1);
	if (n <= 0)
		return n < 0 ? n : -EIO;
	der_init(&d, memory, sizeof memory);
	der_put(&d, DER_BIT_STRING, signature, (size_t)n + 1);	/* 0: no unused bits */
	put_algorithm(&d);
	der_bytes(&d, signed_part->at, signed_part->size);
	der_wrap(&d, DER_SEQUENCE, 0);
	if (d.failed)
		return -EMSGSIZE;
	memcpy(out, d.at, d.size);
	return (int)d.size;
}

static void put_name_extension(struct der *d, const char *name)
{
	size_t after = d->size;

	der_put(d, DER_DNS_NAME, name, strlen(name));
	der_wrap(d, DER_SEQUENCE, after);
	der_wrap(d, DER_OCTET_STRING, after);
	der_put(d, DER_OID, subject_alt_name, sizeof subject_alt_name);
	der_wrap(d, DER_SEQUENCE, after);
}

int request_make(struct sign_key *key, const char *name, uint8_t *out)
{
	static const uint8_t version = 0;
	uint8_t memory[REQUEST_BYTES_MAX], public[PUBLIC_BYTES_MAX];
	int n = sign_key_public(key, public, sizeof public);
	struct der d;

	if (n < 0)
		return n;
	der_init(&d, memory, sizeof memory);
	put_name_extension(&d, name);
	der_wrap(&d, DER_SEQUENCE, 0);
	der_wrap(&d, DER_SET, 0);
	der_put(&d, DER_OID, extension_request, sizeof extension_request);
	der_wrap(&d, DER_SEQUENCE, 0);
	der_wrap(&d, DER_CONTEXT_0, 0);
	der_bytes(&d, public, (size_t)n);
	der_put(&d, DER_SEQUENCE, "", 0);	/* the subject: whoever the name is of */
	der_put(&d, DER_INTEGER, &version, 1);
	der_wrap(&d, DER_SEQUENCE, 0);
	return finish(key, &d, out);
}

static void put_digest_extension(struct der *d, const uint8_t *digest)
{
	static const uint8_t critical = 0xff;
	size_t after = d->size;

	der_put(d, DER_OCTET_STRING, digest, REQUEST_DIGEST_BYTES);
	der_wrap(d, DER_OCTET_STRING, after);
	der_put(d, DER_BOOLEAN, &critical, 1);
	der_put(d, DER_OID, acme_identifier, sizeof acme_identifier);
	der_wrap(d, DER_SEQUENCE, after);
}

static void put_holder(struct der *d)
{
	static const char text[] = "ACME challenge";
	size_t after = d->size;

	der_put(d, DER_UTF8, text, sizeof text - 1);
	der_put(d, DER_OID, common_name, sizeof common_name);
	der_wrap(d, DER_SEQUENCE, after);
	der_wrap(d, DER_SET, after);
	der_wrap(d, DER_SEQUENCE, after);
}

static void put_time(struct der *d, int64_t when)
{
	time_t t = (time_t)when;
	char text[32];
	struct tm tm;

	d->failed |= !gmtime_r(&t, &tm);
	size_t n = d->failed ? 0 : strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &tm);
	der_put(d, DER_TIME, text, n);
}

static void put_validity(struct der *d, int64_t now)
{
	size_t after = d->size;

	put_time(d, now + 7 * DAY_S);
	put_time(d, now - DAY_S);
	der_wrap(d, DER_SEQUENCE, after);
}

static void put_serial(struct der *d)
{
	uint8_t serial[16];

	d->failed |= getrandom(serial, sizeof serial, 0) != sizeof serial;
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);	/* above 0, and of its full length */
	der_put(d, DER_INTEGER, serial, sizeof serial);
}

static void put_version_3(struct der *d)
{
	static const uint8_t version = 2;
	size_t after = d->size;

	der_put(d, DER_INTEGER, &version, 1);
	der_wrap(d, DER_CONTEXT_0, after);
}

int request_challenge(struct sign_key *key, const char *name, const uint8_t digest[REQUEST_DIGEST_BYTES], int64_t now, uint8_t *out)
{
	uint8_t memory[REQUEST_BYTES_MAX], public[PUBLIC_BYTES_MAX];
	int n = sign_key_public(key, public, sizeof public);
	struct der d;

	if (n < 0)
		return n;
	der_init(&d, memory, sizeof memory);
	put_digest_extension(&d, digest);
	put_name_extension(&d, name);
	der_wrap(&d, DER_SEQUENCE, 0);
	der_wrap(&d, DER_CONTEXT_3, 0);
	der_bytes(&d, public, (size_t)n);
	put_holder(&d);
	put_validity(&d, now);
	put_holder(&d);
	put_algorithm(&d);
	put_serial(&d);
	put_version_3(&d);
	der_wrap(&d, DER_SEQUENCE, 0);
	return finish(key, &d, out);
}
