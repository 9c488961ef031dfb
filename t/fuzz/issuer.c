/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzzes what a URL in a certificate may answer, and what is looked at of a certificate. */
#include <stdlib.h>

#include "workers/librarian/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(struct chain_cert *c)
{
	char url[256];
	bool sure;

	for (int i = 0; i < CERT_URLS_MAX && chain_cert_url(c, i, url, sizeof url); i++)
		if (url[0] == '\0')
			abort();
	chain_cert_names_issuer(c, c, &sure);
	chain_cert_verify(c, c);
	chain_cert_forbids(c, c);
	if (!*chain_cert_name(c) && c->subject.size > 2)
		return;
	chain_cert_issuer_name(c);
}

/* The answer to a certificate that is the answer itself: roots find themselves. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct chain_cert nobody;
	const char *why = "";
	struct chain_cert *c = chain_cert_new(data, size);

	if (c)
		look(c);
	struct chain_cert *found = answer_issuer(c ? c : &nobody, data, size, &why);
	if (!found == (*why == '\0'))
		abort();
	chain_cert_unref(found);
	chain_cert_unref(c);
	return 0;
}
