/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/acme_when.h"

#include <string.h>

#include "common/catalog.h"

#define JITTER_SHARE 24

int64_t acme_renewal(const char *name, int64_t not_before, int64_t not_after)
{
	int64_t lifetime = not_after - not_before, jitter = lifetime / JITTER_SHARE;

	if (lifetime <= 0)
		return not_before;
	if (jitter > 0)
		jitter = (int64_t)((catalog_hash(name) ^ (uint64_t)not_before) % (uint64_t)jitter);
	return not_before + lifetime / 3 * 2 - jitter;
}

int64_t acme_backoff(uint32_t failures, bool rate_limited, uint32_t chance)
{
	int64_t s = rate_limited ? ACME_RATE_LIMIT_S * 4 / 3 + 1 : ACME_BACKOFF_MIN_S;

	for (uint32_t i = 1; i < failures && s < ACME_BACKOFF_MAX_S; i++)
		s *= 2;
	if (s > ACME_BACKOFF_MAX_S)
		s = ACME_BACKOFF_MAX_S;
	return s * 3 / 4 + chance % (uint32_t)(s / 2 + 1);
}

bool acme_is_rate_limit(const char *output)
{
	return strstr(output, "urn:ietf:params:acme:error:rateLimited") != NULL;
}
