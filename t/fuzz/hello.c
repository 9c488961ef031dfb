/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer target for workers/worker/hello.c: whatever comes, the answer is
 * the same however the bytes are cut, and what it says keeps its bounds.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "workers/worker/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool truth)
{
	if (!truth)
		abort();
}

/* On memory of its own, so that a read past the end is seen. */
static enum hello_result parse_copy(const uint8_t *data, size_t size, struct hello *h)
{
	uint8_t *copy = malloc(size ? size : 1);

	demand(copy != NULL);
	memcpy(copy, data, size);
	enum hello_result r = hello_parse(copy, size, h);
	free(copy);
	return r;
}

static enum hello_result parse_in_steps(const uint8_t *data, size_t size, size_t step, struct hello *h)
{
	enum hello_result r = HELLO_AGAIN;

	hello_init(h);
	for (size_t n = step < size ? step : size; r == HELLO_AGAIN; ) {
		r = parse_copy(data, n, h);
		if (n == size)
			break;
		n = size - n < step ? size : n + step;
	}
	return r;
}

static void check_done(const struct hello *h)
{
	char sni[NAME_BYTES];

	demand(h->n_versions <= HELLO_VERSIONS_MAX && h->n_ciphers <= HELLO_CIPHERS_MAX);
	demand(h->n_signatures <= HELLO_SIGNATURES_MAX && h->n_groups <= HELLO_GROUPS_MAX);
	demand(h->n_alpn <= HELLO_ALPN_MAX && h->n_alpn_bytes <= HELLO_ALPN_BYTES);
	for (size_t i = 0; i < h->n_alpn; i++) {
		const char *name = (const char *)h->alpn_bytes + h->alpn[i].offset;

		demand(h->alpn[i].size > 0);
		demand((size_t)h->alpn[i].offset + h->alpn[i].size <= h->n_alpn_bytes);
		demand(hello_offers_alpn(h, name, h->alpn[i].size));
	}
	if (h->has_sni) {
		demand(name_normalize(h->sni, strlen(h->sni), false, sni));
		demand(strcmp(sni, h->sni) == 0 && !name_is_ip(sni));
	} else {
		demand(h->sni[0] == '\0');
	}
	demand(!hello_accepts_ecdsa(h, 0xffff) || h->n_groups > 0);
	demand(!hello_accepts_rsa(h) || h->n_signatures > 0);
	demand(!hello_accepts_ed25519(h) || h->n_signatures > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = { 1, 7, 1448 };
	struct hello whole, stepped;

	hello_init(&whole);
	enum hello_result r = parse_copy(data, size, &whole);

	demand(r != HELLO_AGAIN || size < HELLO_BUFFER_BYTES);
	if (r == HELLO_DONE)
		check_done(&whole);
	if (r == HELLO_BAD)
		demand(whole.alert != 0 && whole.why != NULL);
	for (size_t i = size > 2048 ? 1 : 0; i < sizeof steps / sizeof steps[0]; i++) {
		demand(parse_in_steps(data, size, steps[i], &stepped) == r);
		demand(memcmp(&whole, &stepped, offsetof(struct hello, scan)) == 0);
	}
	return 0;
}
