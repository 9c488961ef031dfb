/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/unit/pki_chain.h"

#include <stdio.h>
#include <stdlib.h>

struct chain_cert *pki_chain_cert(const struct pki_cert *c)
{
	gnutls_datum_t der = { 0 };

	gnutls_x509_crt_export2(c->crt, GNUTLS_X509_FMT_DER, &der);
	struct chain_cert *made = chain_cert_new(der.data, der.size);
	gnutls_free(der.data);
	if (made)
		return made;
	fprintf(stderr, "pki: a certificate is not taken\n");
	abort();
}
