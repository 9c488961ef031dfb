/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/keeper/forms.h"

#include <string.h>

#include "common/buf.h"

#define RANDOM_BYTES 32
#define NAMED_CURVE 3	/* ECCurveType (RFC 8422 5.4) */

static bool is_tls13_server_verify(const uint8_t *data, size_t size)
{
	static const char context[] = "TLS 1.3, server CertificateVerify";	/* its NUL is part of it */
	const size_t spaces = 64, head = spaces + sizeof context;

	if (size != head + 32 && size != head + 48)
		return false;
	for (size_t i = 0; i < spaces; i++)
		if (data[i] != ' ')
			return false;
	return memcmp(data + spaces, context, sizeof context) == 0;
}

/* Bytes of a point on that curve, uncompressed; 0: not one that we know. */
static size_t point_bytes(uint16_t named_group)
{
	switch (named_group) {
	case 0x0017: return 65;		/* secp256r1 */
	case 0x0018: return 97;		/* secp384r1 */
	case 0x0019: return 133;	/* secp521r1 */
	case 0x001d: return 32;		/* x25519 */
	case 0x001e: return 56;		/* x448 */
	default: return 0;
	}
}

static bool is_tls12_ecdh_params(const uint8_t *data, size_t size)
{
	struct buf b;

	buf_init_read(&b, data, size);
	buf_get_bytes(&b, 2 * RANDOM_BYTES);
	if (buf_get_u8(&b) != NAMED_CURVE)
		return false;
	size_t expected = point_bytes(buf_get_u16(&b));
	size_t point = buf_get_u8(&b);
	return !b.failed && expected > 0 && point == expected && buf_left(&b) == point;
}

bool form_holds(enum sign_form form, const uint8_t *data, size_t size)
{
	switch (form) {
	case SIGN_TLS13_CERTIFICATE_VERIFY: return is_tls13_server_verify(data, size);
	case SIGN_TLS12_SERVER_KEY_EXCHANGE: return is_tls12_ecdh_params(data, size);
	}
	return false;
}

static bool is_ec(enum key_kind kind)
{
	return kind == KEY_EC_P256 || kind == KEY_EC_P384 || kind == KEY_EC_P521;
}

bool form_allows(enum sign_form form, uint16_t scheme, enum key_kind kind)
{
	bool tls12 = form == SIGN_TLS12_SERVER_KEY_EXCHANGE;

	if (!tls12 && form != SIGN_TLS13_CERTIFICATE_VERIFY)
		return false;
	switch (scheme) {
	case SCHEME_RSA_PKCS1_SHA256:
	case SCHEME_RSA_PKCS1_SHA384:
	case SCHEME_RSA_PKCS1_SHA512:
		return tls12 && kind == KEY_RSA;
	case SCHEME_RSA_PSS_SHA256:
	case SCHEME_RSA_PSS_SHA384:
	case SCHEME_RSA_PSS_SHA512:
		return kind == KEY_RSA;
	case SCHEME_ECDSA_SHA256:
		return kind == KEY_EC_P256 || (tls12 && is_ec(kind));
	case SCHEME_ECDSA_SHA384:
		return kind == KEY_EC_P384 || (tls12 && is_ec(kind));
	case SCHEME_ECDSA_SHA512:
		return kind == KEY_EC_P521 || (tls12 && is_ec(kind));
	case SCHEME_ED25519:
		return kind == KEY_ED25519;
	default:
		return false;
	}
}
