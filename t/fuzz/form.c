/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer target for workers/keeper/forms.c: no bytes pass for both forms,
 * a form is exact (one byte more or less is another thing), and what the form
 * of TLS 1.3 lets pass begins with its 64 spaces and its context.
 */
#include <stdlib.h>
#include <string.h>

#include "workers/keeper/forms.h"

#define CONTEXT "TLS 1.3, server CertificateVerify"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool truth)
{
	if (!truth)
		abort();
}

/* On memory of its own, so that a read past the end is seen. */
static bool holds(enum sign_form form, const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	demand(copy != NULL);
	memcpy(copy, data, size);
	bool yes = form_holds(form, copy, size);
	free(copy);
	return yes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool tls13 = holds(SIGN_TLS13_CERTIFICATE_VERIFY, data, size), tls12 = holds(SIGN_TLS12_SERVER_KEY_EXCHANGE, data, size);

	demand(!tls13 || !tls12);
	if (tls13) {
		for (size_t i = 0; i < 64; i++)
			demand(data[i] == ' ');
		demand(memcmp(data + 64, CONTEXT, sizeof CONTEXT) == 0);
	}
	if (tls12)
		demand(size > 64 + 4 && data[64] == 3 /* named_curve */);
	if (tls12)
		demand(!holds(SIGN_TLS12_SERVER_KEY_EXCHANGE, data, size - 1));
	return 0;
}
