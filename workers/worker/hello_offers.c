/* SPDX-License-Identifier: BSD-2-Clause */
/* What a parsed ClientHello offers, and so which certificates suit the client. */
#include "workers/worker/hello.h"

#include <string.h>

#define TLS_1_2 0x0303
#define TLS_1_3 0x0304

static bool has(const uint16_t *list, size_t count, uint16_t v)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == v)
			return true;
	return false;
}

static bool has_any(const uint16_t *list, size_t count, const uint16_t *any, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (has(list, count, any[i]))
			return true;
	return false;
}

#define OFFERS_ANY(h, list, any) \
	has_any((h)->list, (h)->n_##list, any, sizeof(any) / sizeof((any)[0]))

/* TLS 1.2 suites: AES-GCM and ChaCha20, and others that tls.priority may bring: CCM, CBC with SHA-1. */
static const uint16_t ecdhe_ecdsa_suites[] = {
	0xc02b, 0xc02c, 0xcca9, 0xc0ac, 0xc0ad, 0xc009, 0xc00a,
};
static const uint16_t ecdhe_rsa_suites[] = {
	0xc02f, 0xc030, 0xcca8, 0xc013, 0xc014,
};
#define N_AEAD 3	/* the first of each */
/* Signature schemes (RFC 8446, 4.2.3) with SHA-256, 384 and 512. */
static const uint16_t ecdsa_schemes[] = { 0x0403, 0x0503, 0x0603 };
static const uint16_t rsa_pss_schemes[] = { 0x0804, 0x0805, 0x0806 };
static const uint16_t rsa_pkcs1_schemes[] = { 0x0401, 0x0501, 0x0601 };
static const uint16_t ed25519_scheme[] = { 0x0807 };

#define GROUP_SECP256R1 23
#define GROUP_SECP521R1 25

bool hello_offers_version(const struct hello *h, uint16_t version)
{
	return has(h->versions, h->n_versions, version);
}

bool hello_offers_alpn(const struct hello *h, const char *proto, size_t size)
{
	for (size_t i = 0; i < h->n_alpn; i++)
		if (h->alpn[i].size == size &&
		    memcmp(h->alpn_bytes + h->alpn[i].offset, proto, size) == 0)
			return true;
	return false;
}

bool hello_accepts_ecdsa(const struct hello *h, uint16_t group)
{
	if (group < GROUP_SECP256R1 || group > GROUP_SECP521R1)
		return false;
	/* TLS 1.3 has one scheme for each group, TLS 1.2 takes any hash. */
	if (hello_offers_version(h, TLS_1_3))
		return has(h->signatures, h->n_signatures, ecdsa_schemes[group - GROUP_SECP256R1]);
	return hello_offers_version(h, TLS_1_2) &&
		OFFERS_ANY(h, ciphers, ecdhe_ecdsa_suites) &&
		OFFERS_ANY(h, signatures, ecdsa_schemes) &&
		has(h->groups, h->n_groups, group);
}

bool hello_accepts_rsa(const struct hello *h)
{
	if (hello_offers_version(h, TLS_1_3))
		return OFFERS_ANY(h, signatures, rsa_pss_schemes);
	return hello_offers_version(h, TLS_1_2) &&
		OFFERS_ANY(h, ciphers, ecdhe_rsa_suites) &&
		(OFFERS_ANY(h, signatures, rsa_pkcs1_schemes) ||
		 OFFERS_ANY(h, signatures, rsa_pss_schemes));
}

bool hello_accepts_ed25519(const struct hello *h)
{
	if (hello_offers_version(h, TLS_1_3))
		return OFFERS_ANY(h, signatures, ed25519_scheme);
	return hello_offers_version(h, TLS_1_2) &&
		OFFERS_ANY(h, ciphers, ecdhe_ecdsa_suites) &&
		OFFERS_ANY(h, signatures, ed25519_scheme);
}

bool hello_offers_aead(const struct hello *h, bool rsa)
{
	return hello_offers_version(h, TLS_1_3) ||
		has_any(h->ciphers, h->n_ciphers, rsa ? ecdhe_rsa_suites : ecdhe_ecdsa_suites, N_AEAD);
}
