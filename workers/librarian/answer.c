/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/answer.h"

#include <gnutls/pkcs7.h>

#include "workers/librarian/pem.h"

/* What has been found so far. */
struct search {
	struct chain_cert *of, *found;
	int certs;		/* looked at */
};

static void look_at(struct search *s, const void *der, size_t size)
{
	struct chain_cert *c = s->found || s->certs == ANSWER_CERTS_MAX ? NULL : chain_cert_new(der, size);
	bool sure;

	if (!c)
		return;
	s->certs++;
	if (chain_cert_names_issuer(s->of, c, &sure) && chain_cert_verify(s->of, c))
		s->found = c;
	else
		chain_cert_unref(c);
}

static void look_in_bag(struct search *s, const void *body, size_t size)
{
	gnutls_datum_t d = { (unsigned char *)(uintptr_t)body, (unsigned)size }, der;
	gnutls_pkcs7_t bag = NULL;

	if (gnutls_pkcs7_init(&bag) < 0)
		return;
	int rc = gnutls_pkcs7_import(bag, &d, GNUTLS_X509_FMT_DER);
	int n = rc < 0 ? 0 : gnutls_pkcs7_get_crt_count(bag);
	for (int i = 0; i < n && i < ANSWER_CERTS_MAX && !s->found; i++) {
		if (gnutls_pkcs7_get_crt_raw2(bag, (unsigned)i, &der) < 0)
			continue;
		look_at(s, der.data, der.size);
		gnutls_free(der.data);
	}
	gnutls_pkcs7_deinit(bag);
}

static void look_in_pem(struct search *s, const char *text, size_t size)
{
	const char *at = text, *end = text + size;
	struct pem_block b;

	while (!s->found && s->certs < ANSWER_CERTS_MAX && pem_next(&at, end, &b)) {
		struct chain_cert *c = b.cut || !pem_is_certificate(&b) ? NULL : chain_cert_from_pem(b.text, b.size);
		if (c)
			look_at(s, c->der.data, c->der.size);
		chain_cert_unref(c);
	}
}

struct chain_cert *answer_issuer(struct chain_cert *c, const void *body, size_t size, const char **why)
{
	struct search s = { .of = c };

	look_at(&s, body, size);
	if (s.certs == 0)
		look_in_bag(&s, body, size);
	if (s.certs == 0)
		look_in_pem(&s, body, size);
	if (!s.found)
		*why = s.certs == 0 ? "the answer holds no certificate" : "the certificate in the answer is not the issuer's";
	return s.found;
}
