/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzzes what an OCSP responder may answer. An input is a certificate that is
 * its own issuer, with its length in front (16 bits, big-endian), then the
 * answer about it.
 */
#include <stdlib.h>
#include <gnutls/gnutls.h>

#include "workers/librarian/staple.h"

#define NOW 1795280000	/* when the answers of the corpus were good */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct chain_cert *c, const struct bytes *request, const uint8_t *answer, size_t size)
{
	struct staple_answer said = { .from = -1 };
	const char *why = staple_check(request, c, answer, size, NOW, &said);

	if (why ? *why == '\0' : said.until <= NOW || said.from >= said.until || size > CATALOG_STAPLE_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n = size < 2 ? 0 : (size_t)data[0] << 8 | data[1];
	struct chain_cert *c = size < 2 || n > size - 2 ? NULL : chain_cert_new(data + 2, n);
	struct bytes request;
	char url[256];

	if (!c)
		return 0;
	chain_cert_must_staple(c);
	if (chain_cert_responder(c, url, sizeof url) && url[0] == '\0')
		abort();
	if (staple_request(c, c, &request) == 0) {
		check(c, &request, data + 2 + n, size - 2 - n);
		gnutls_free((void *)(uintptr_t)request.data);
	}
	chain_cert_unref(c);
	return 0;
}
