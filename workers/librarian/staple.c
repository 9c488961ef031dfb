/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/staple.h"

#include <errno.h>
#include <string.h>
#include <gnutls/gnutls.h>
#include <gnutls/ocsp.h>
#include <gnutls/x509.h>

/* Which certificate is meant (RFC 6960 4.1.1). */
struct cert_id {
	gnutls_digest_algorithm_t digest;
	gnutls_datum_t name_hash, key_hash, serial;
};

static void cert_id_clear(struct cert_id *id)
{
	gnutls_free(id->name_hash.data);
	gnutls_free(id->key_hash.data);
	gnutls_free(id->serial.data);
	*id = (struct cert_id){ .digest = GNUTLS_DIG_UNKNOWN };
}

static bool same_bytes(const gnutls_datum_t *a, const gnutls_datum_t *b)
{
	return a->size == b->size && a->size > 0 && memcmp(a->data, b->data, a->size) == 0;
}

static bool same_cert_id(const struct cert_id *a, const struct cert_id *b)
{
	return a->digest == b->digest && same_bytes(&a->name_hash, &b->name_hash) &&
		same_bytes(&a->key_hash, &b->key_hash) && same_bytes(&a->serial, &b->serial);
}

/* SHA-1, because that is what every responder knows (RFC 5019 2.1.1); it protects nothing here. */
int staple_request(const struct chain_cert *cert, const struct chain_cert *issuer, struct bytes *request)
{
	gnutls_ocsp_req_t req = NULL;
	gnutls_datum_t der = { 0 };
	int rc = gnutls_ocsp_req_init(&req);

	*request = (struct bytes){ 0 };
	if (rc >= 0)
		rc = gnutls_ocsp_req_add_cert(req, GNUTLS_DIG_SHA1, issuer->crt, cert->crt);
	if (rc >= 0)
		rc = gnutls_ocsp_req_export(req, &der);
	if (req)
		gnutls_ocsp_req_deinit(req);
	if (rc < 0)
		return -ENOMEM;
	*request = (struct bytes){ der.data, der.size };
	return 0;
}

static bool asked_for(const struct bytes *request, struct cert_id *id)
{
	gnutls_datum_t der = { (unsigned char *)(uintptr_t)request->data, (unsigned)request->size };
	gnutls_ocsp_req_t req = NULL;
	bool known = gnutls_ocsp_req_init(&req) >= 0 && gnutls_ocsp_req_import(req, &der) >= 0 &&
		gnutls_ocsp_req_get_cert_id(req, 0, &id->digest, &id->name_hash, &id->key_hash, &id->serial) >= 0;

	if (req)
		gnutls_ocsp_req_deinit(req);
	return known;
}

static const char *refused(int status)
{
	switch (status) {
	case GNUTLS_OCSP_RESP_MALFORMEDREQUEST: return "the responder answers that the request is malformed";
	case GNUTLS_OCSP_RESP_INTERNALERROR: return "the responder answers that it has an internal error";
	case GNUTLS_OCSP_RESP_TRYLATER: return "the responder answers that it is to be tried later";
	case GNUTLS_OCSP_RESP_SIGREQUIRED: return "the responder answers that the request must be signed";
	case GNUTLS_OCSP_RESP_UNAUTHORIZED: return "the responder answers that it is not authorized";
	default: return "the responder answers with a status that is unknown";
	}
}

static const char *times_problem(const struct staple_answer *a, int64_t now)
{
	if (a->until <= 0)
		return "the answer does not say until when it is good";
	if (a->from <= 0 || a->until <= a->from)
		return "the answer is good for no time at all";
	if (now >= a->until)
		return "the answer is out of date";
	return a->from > now + STAPLE_AHEAD_S ? "the answer is good from a time in the future on" : NULL;
}

/* What it says of that certificate; NULL: nothing is wrong with that. */
static const char *read_single(gnutls_ocsp_resp_t resp, const struct cert_id *wanted, int64_t now, struct staple_answer *out)
{
	for (unsigned i = 0; i < STAPLE_SINGLES_MAX; i++) {
		struct cert_id id = { .digest = GNUTLS_DIG_UNKNOWN };
		time_t from = 0, until = 0;
		unsigned status = GNUTLS_OCSP_CERT_UNKNOWN;
		int rc = gnutls_ocsp_resp_get_single(resp, i, &id.digest, &id.name_hash, &id.key_hash, &id.serial,
			&status, &from, &until, NULL, NULL);
		bool is_it = rc >= 0 && same_cert_id(wanted, &id);
		cert_id_clear(&id);
		if (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		if (!is_it)
			continue;
		*out = (struct staple_answer){ .revoked = status == GNUTLS_OCSP_CERT_REVOKED, .from = from, .until = until };
		if (status != GNUTLS_OCSP_CERT_GOOD && status != GNUTLS_OCSP_CERT_REVOKED)
			return "the responder does not know the certificate";
		return times_problem(out, now);
	}
	return "the answer is about another certificate";
}

/* The signer is looked for by GnuTLS: the issuer, or one in the answer whom the issuer has charged with it. */
static const char *signature_problem(gnutls_ocsp_resp_t resp, const struct chain_cert *issuer)
{
	unsigned verify = 0;

	if (gnutls_ocsp_resp_verify_direct(resp, issuer->crt, &verify, 0) < 0)
		return "the signature of the answer cannot be checked";
	if (verify & GNUTLS_OCSP_VERIFY_SIGNER_KEYUSAGE_ERROR)
		return "the answer is signed by a certificate that is not for that (id-kp-OCSPSigning)";
	if (verify & (GNUTLS_OCSP_VERIFY_CERT_EXPIRED | GNUTLS_OCSP_VERIFY_CERT_NOT_ACTIVATED))
		return "the answer is signed by a certificate that is outside its time";
	if (verify & GNUTLS_OCSP_VERIFY_INSECURE_ALGORITHM)
		return "the answer is signed by an algorithm that is no longer safe";
	return verify ? "the answer is not signed by the issuer" : NULL;
}

/* issuer NULL: whoever has signed it. */
static const char *check(gnutls_ocsp_resp_t resp, const struct cert_id *wanted, const struct chain_cert *issuer,
	int64_t now, struct staple_answer *out)
{
	int status = gnutls_ocsp_resp_get_status(resp);

	if (status != GNUTLS_OCSP_RESP_SUCCESSFUL)
		return refused(status);
	const char *why = issuer ? signature_problem(resp, issuer) : NULL;
	return why ? why : read_single(resp, wanted, now, out);
}

static const char *check_answer(const struct bytes *request, const struct chain_cert *issuer,
	const void *answer, size_t size, int64_t now, struct staple_answer *out)
{
	gnutls_datum_t der = { (unsigned char *)(uintptr_t)answer, (unsigned)size };
	struct cert_id wanted = { .digest = GNUTLS_DIG_UNKNOWN };
	gnutls_ocsp_resp_t resp = NULL;
	const char *why = "no memory";

	if (size > CATALOG_STAPLE_MAX)
		return "the answer is too large to be stapled";
	if (asked_for(request, &wanted) && gnutls_ocsp_resp_init(&resp) >= 0) {
		why = "the answer is no OCSP response";
		if (size > 0 && gnutls_ocsp_resp_import(resp, &der) >= 0)
			why = check(resp, &wanted, issuer, now, out);
	}
	if (resp)
		gnutls_ocsp_resp_deinit(resp);
	cert_id_clear(&wanted);
	return why;
}

const char *staple_check(const struct bytes *request, const struct chain_cert *issuer,
	const void *answer, size_t size, int64_t now, struct staple_answer *out)
{
	return check_answer(request, issuer, answer, size, now, out);
}

const char *staple_read(const struct bytes *request, const void *answer, size_t size, int64_t now, struct staple_answer *out)
{
	return check_answer(request, NULL, answer, size, now, out);
}
