/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/unit/pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509-ext.h>

static void must(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "pki: %s: %s\n", what, gnutls_strerror(rc));
	abort();
}

static void make_key(struct pki_cert *c, enum pki_key kind)
{
	static const struct { gnutls_pk_algorithm_t algorithm; unsigned bits; } kinds[] = {
		[PKI_P256] = { GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1) },
		[PKI_P384] = { GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1) },
		[PKI_RSA] = { GNUTLS_PK_RSA, 2048 },
		[PKI_ED25519] = { GNUTLS_PK_EDDSA_ED25519, 256 },
	};

	must(gnutls_x509_privkey_init(&c->key), "key");
	must(gnutls_x509_privkey_generate(c->key, kinds[kind].algorithm, kinds[kind].bits, 0), "generate");
}

static void set_names(struct pki_cert *c, const struct pki_want *want)
{
	static const unsigned char ip[4] = { 127, 0, 0, 1 };

	if (want->cn)
		must(gnutls_x509_crt_set_dn_by_oid(c->crt, GNUTLS_OID_X520_COMMON_NAME, 0, want->cn,
			(unsigned)strlen(want->cn)), "cn");
	for (int i = 0; i < 8 && want->names[i]; i++)
		must(gnutls_x509_crt_set_subject_alt_name(c->crt, GNUTLS_SAN_DNSNAME, want->names[i],
			(unsigned)strlen(want->names[i]), GNUTLS_FSAN_APPEND), "name");
	if (want->ip)
		must(gnutls_x509_crt_set_subject_alt_name(c->crt, GNUTLS_SAN_IPADDRESS, ip, sizeof ip,
			GNUTLS_FSAN_APPEND), "ip");
}

static void set_ids(struct pki_cert *c, const struct pki_cert *issuer)
{
	unsigned char id[20];
	size_t size = sizeof id;

	must(gnutls_x509_crt_get_key_id(c->crt, 0, id, &size), "own id");
	must(gnutls_x509_crt_set_subject_key_id(c->crt, id, size), "set own id");
	size = sizeof id;
	must(gnutls_x509_crt_get_key_id(issuer->crt, 0, id, &size), "issuer's id");
	must(gnutls_x509_crt_set_authority_key_id(c->crt, id, size), "set issuer's id");
}

static void set_url(struct pki_cert *c, int what, const char *url)
{
	gnutls_datum_t d = { (unsigned char *)(uintptr_t)url, (unsigned)strlen(url) };

	must(gnutls_x509_crt_set_authority_info_access(c->crt, what, &d), "url");
}

static void set_must_staple(struct pki_cert *c)
{
	gnutls_x509_tlsfeatures_t features;

	must(gnutls_x509_tlsfeatures_init(&features), "features");
	must(gnutls_x509_tlsfeatures_add(features, 5), "status_request");
	must(gnutls_x509_crt_set_tlsfeatures(c->crt, features), "set features");
	gnutls_x509_tlsfeatures_deinit(features);
}

static void set_constraint(struct pki_cert *c, const char *below)
{
	gnutls_datum_t d = { (unsigned char *)(uintptr_t)below, (unsigned)strlen(below) };
	gnutls_x509_name_constraints_t nc;

	must(gnutls_x509_name_constraints_init(&nc), "constraints");
	must(gnutls_x509_name_constraints_add_permitted(nc, GNUTLS_SAN_DNSNAME, &d), "permitted");
	must(gnutls_x509_crt_set_name_constraints(c->crt, nc, 1), "set constraints");
	gnutls_x509_name_constraints_deinit(nc);
}

void pki_make(struct pki_cert *c, const struct pki_want *want)
{
	static unsigned serial;
	unsigned char bytes[5] = { 1 };
	time_t now = time(NULL);
	int to = want->from_days || want->to_days ? want->to_days : 365;

	serial++;
	for (int i = 0; i < 4; i++)
		bytes[1 + i] = (unsigned char)(serial >> (8 * (3 - i)));
	if (want->same_key_as) {
		must(gnutls_x509_privkey_init(&c->key), "key");
		must(gnutls_x509_privkey_cpy(c->key, want->same_key_as->key), "copy");
	} else {
		make_key(c, want->key);
	}
	must(gnutls_x509_crt_init(&c->crt), "certificate");
	must(gnutls_x509_crt_set_version(c->crt, 3), "version");
	must(gnutls_x509_crt_set_serial(c->crt, bytes, sizeof bytes), "serial");
	must(gnutls_x509_crt_set_activation_time(c->crt, now + want->from_days * 86400 - 60), "from");
	must(gnutls_x509_crt_set_expiration_time(c->crt, now + to * 86400), "to");
	must(gnutls_x509_crt_set_basic_constraints(c->crt, want->ca, -1), "ca");
	must(gnutls_x509_crt_set_key(c->crt, c->key), "public key");
	if (want->usage)
		must(gnutls_x509_crt_set_key_usage(c->crt, want->usage), "usage");
	set_names(c, want);
	const struct pki_cert *issuer = want->issuer ? want->issuer : c;
	if (want->ids)
		set_ids(c, issuer);
	if (want->url)
		set_url(c, GNUTLS_IA_CAISSUERS_URI, want->url);
	if (want->responder)
		set_url(c, GNUTLS_IA_OCSP_URI, want->responder);
	if (want->must)
		set_must_staple(c);
	if (want->signs_ocsp)
		must(gnutls_x509_crt_set_key_purpose_oid(c->crt, GNUTLS_KP_OCSP_SIGNING, 0), "purpose");
	if (want->only_below)
		set_constraint(c, want->only_below);
	bool ed25519 = gnutls_x509_privkey_get_pk_algorithm(issuer->key) == GNUTLS_PK_EDDSA_ED25519;
	must(gnutls_x509_crt_sign2(c->crt, issuer->crt, issuer->key,
		ed25519 ? GNUTLS_DIG_SHA512 : GNUTLS_DIG_SHA256, 0), "sign");
}

void pki_clear(struct pki_cert *c)
{
	gnutls_x509_crt_deinit(c->crt);
	gnutls_x509_privkey_deinit(c->key);
	*c = (struct pki_cert){ 0 };
}

void pki_append(char *text, size_t cap, const struct pki_cert *c)
{
	size_t at = strlen(text), room = cap - at;

	must(gnutls_x509_crt_export(c->crt, GNUTLS_X509_FMT_PEM, text + at, &room), "export");
	text[at + room] = '\0';
}

void pki_append_key(char *text, size_t cap, const struct pki_cert *c)
{
	size_t at = strlen(text), room = cap - at;

	must(gnutls_x509_privkey_export_pkcs8(c->key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
		text + at, &room), "export");
	text[at + room] = '\0';
}

static gnutls_datum_t export_spki(const struct pki_cert *c)
{
	gnutls_pubkey_t public = NULL;
	gnutls_datum_t spki;

	must(gnutls_pubkey_init(&public), "public key");
	must(gnutls_pubkey_import_x509(public, c->crt, 0), "import");
	must(gnutls_pubkey_export2(public, GNUTLS_X509_FMT_DER, &spki), "export");
	gnutls_pubkey_deinit(public);
	return spki;
}

gnutls_datum_t pki_spki(const struct pki_cert *c, const gnutls_datum_t *der)
{
	gnutls_datum_t spki = export_spki(c);
	unsigned char *at = memmem(der->data, der->size, spki.data, spki.size);

	must(at ? 0 : -1, "search");
	gnutls_free(spki.data);
	return (gnutls_datum_t){ at, spki.size };
}

void pki_key_id(const struct pki_cert *c, uint8_t id[32])
{
	gnutls_datum_t spki = export_spki(c);

	must(gnutls_hash_fast(GNUTLS_DIG_SHA256, spki.data, spki.size, id), "hash");
	gnutls_free(spki.data);
}
