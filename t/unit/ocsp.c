/* SPDX-License-Identifier: BSD-2-Clause */
/* With libcrypto, because GnuTLS makes none, and what it reads should be from somebody else. */
#include "t/unit/ocsp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>

static void *must(void *p, const char *what)
{
	if (p)
		return p;
	fprintf(stderr, "ocsp: %s\n", what);
	abort();
}

static X509 *cert_of(const struct pki_cert *c)
{
	char text[16384] = "";

	pki_append(text, sizeof text, c);
	BIO *b = must(BIO_new_mem_buf(text, -1), "memory");
	X509 *x = must(PEM_read_bio_X509(b, NULL, NULL, NULL), "certificate");
	BIO_free(b);
	return x;
}

static EVP_PKEY *key_of(const struct pki_cert *c)
{
	char text[16384] = "";

	pki_append_key(text, sizeof text, c);
	BIO *b = must(BIO_new_mem_buf(text, -1), "memory");
	EVP_PKEY *k = must(PEM_read_bio_PrivateKey(b, NULL, NULL, NULL), "key");
	BIO_free(b);
	return k;
}

static void add(OCSP_BASICRESP *basic, const struct pki_cert *c, const struct ocsp_want *want, enum ocsp_status status)
{
	static const int statuses[] = { V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_REVOKED, V_OCSP_CERTSTATUS_UNKNOWN };
	X509 *cert = cert_of(c), *issuer = cert_of(want->issuer);
	ASN1_TIME *from = ASN1_GENERALIZEDTIME_set(NULL, want->from);
	ASN1_TIME *until = want->until ? ASN1_GENERALIZEDTIME_set(NULL, want->until) : NULL;
	OCSP_CERTID *id = must(OCSP_cert_to_id(want->sha256 ? EVP_sha256() : EVP_sha1(), cert, issuer), "id");

	must(OCSP_basic_add1_status(basic, id, statuses[status], OCSP_REVOKED_STATUS_NOSTATUS, from, from, until), "status");
	OCSP_CERTID_free(id);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	X509_free(cert);
	X509_free(issuer);
}

static void pad(OCSP_BASICRESP *basic, size_t n)
{
	uint8_t *zeros = must(calloc(1, n), "memory");
	ASN1_OCTET_STRING *text = ASN1_OCTET_STRING_new();

	ASN1_OCTET_STRING_set(text, zeros, (int)n);
	OCSP_BASICRESP_add1_ext_i2d(basic, NID_netscape_comment, text, 0, 0);
	ASN1_OCTET_STRING_free(text);
	free(zeros);
}

uint8_t *ocsp_make(const struct ocsp_want *want, size_t *size)
{
	const struct pki_cert *by = want->signer ? want->signer : want->issuer;
	OCSP_BASICRESP *basic = must(OCSP_BASICRESP_new(), "response");
	X509 *signer = cert_of(by);
	EVP_PKEY *key = key_of(by);
	uint8_t *der = NULL;

	if (want->also)
		add(basic, want->also, want, OCSP_GOOD);
	add(basic, want->cert, want, want->status);
	if (want->pad)
		pad(basic, want->pad);
	must(OCSP_basic_sign(basic, signer, key, EVP_sha256(), NULL, 0) ? basic : NULL, "sign");
	OCSP_RESPONSE *response = must(OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic), "whole");
	int n = i2d_OCSP_RESPONSE(response, NULL);
	uint8_t *at = der = must(malloc((size_t)n), "memory");
	*size = (size_t)i2d_OCSP_RESPONSE(response, &at);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	X509_free(signer);
	EVP_PKEY_free(key);
	return der;
}
