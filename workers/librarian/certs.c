/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/certs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <gnutls/x509-ext.h>
#include <gnutls/x509.h>

#include "common/names.h"
#include "workers/librarian/pem.h"

#define SAN_OID "2.5.29.17"	/* RFC 5280 4.2.1.6 */
#define NAMES_TOLD 3		/* names that one warning repeats */

struct cert {
	gnutls_x509_crt_t crt;
	gnutls_datum_t der;
	bool taken;
};

/* The certificates of one file. */
struct pile {
	struct cert certs[CERTS_FILE_MAX];
	int n;
};

/* Appends a sentence; what does not fit is cut. */
static void __attribute__((format(printf, 2, 3))) say(char *text, const char *format, ...)
{
	size_t at = strlen(text);
	va_list ap;

	if (at > 0)
		at += (size_t)snprintf(text + at, MSG_TEXT_MAX - at, "; ");
	if (at >= MSG_TEXT_MAX)
		return;
	va_start(ap, format);
	vsnprintf(text + at, MSG_TEXT_MAX - at, format, ap);
	va_end(ap);
}

/* Bytes from a certificate for people's eyes. */
static const char *shown(const void *bytes, size_t size, char out[64])
{
	const unsigned char *p = bytes;
	size_t n = size < 60 ? size : 60;

	for (size_t i = 0; i < n; i++)
		out[i] = p[i] >= ' ' && p[i] < 0x7f ? (char)p[i] : '?';
	snprintf(out + n, 4, "%s", n < size ? "..." : "");
	return out;
}

static const char *day(int64_t when, char out[32])
{
	time_t t = (time_t)when;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(out, 32, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		snprintf(out, 32, "an unknown day");
	return out;
}

static void pile_clear(struct pile *pile)
{
	for (int i = 0; i < pile->n; i++) {
		gnutls_x509_crt_deinit(pile->certs[i].crt);
		gnutls_free(pile->certs[i].der.data);
	}
	pile->n = 0;
}

static int pile_add(struct pile *pile, const struct pem_block *b, struct certs *c)
{
	struct cert *to = &pile->certs[pile->n];
	gnutls_datum_t text = { .data = (unsigned char *)(uintptr_t)b->text, .size = (unsigned)b->size };

	if (pile->n == CERTS_FILE_MAX) {
		say(c->error, "it holds more than %d certificates", CERTS_FILE_MAX);
		return -EINVAL;
	}
	if (b->cut) {
		say(c->error, "certificate %d in it is cut off (its END line is missing)", pile->n + 1);
		return -EINVAL;
	}
	*to = (struct cert){ 0 };
	int rc = gnutls_pem_base64_decode2(NULL, &text, &to->der);
	if (rc >= 0)
		rc = gnutls_x509_crt_init(&to->crt);
	if (rc >= 0)
		rc = gnutls_x509_crt_import(to->crt, &to->der, GNUTLS_X509_FMT_DER);
	if (rc >= 0) {
		pile->n++;
		return 0;
	}
	gnutls_x509_crt_deinit(to->crt);
	gnutls_free(to->der.data);
	say(c->error, "certificate %d in it is damaged (%s)", pile->n + 1, gnutls_strerror(rc));
	return -EINVAL;
}

static void say_no_certificate(struct certs *c, const unsigned char *data, size_t size)
{
	if (size == 0)
		say(c->error, "it is empty; it should hold certificates in PEM form");
	else if (size > 4 && data[0] == 0x30 && data[1] > 0x80 && data[1] < 0x85)
		say(c->error, "it holds no certificate in PEM form; it looks like DER or PKCS#12 and must be converted");
	else
		say(c->error, "it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)");
}

static int pile_fill(struct pile *pile, const char *pem, size_t size, struct certs *c)
{
	const char *at = pem, *end = pem + size;
	struct pem_block b;
	bool key = false;

	while (pem_next(&at, end, &b)) {
		key |= pem_is_private_key(&b);
		if (pem_is_certificate(&b) && pile_add(pile, &b, c) < 0)
			return -EINVAL;
	}
	if (pile->n == 0) {
		say_no_certificate(c, (const unsigned char *)pem, size);
		return -EINVAL;
	}
	if (key)
		say(c->warning, "it holds a private key too: name it as key as well, so that only the keeper reads it");
	return 0;
}

static bool is_ca(const struct cert *cert)
{
	return gnutls_x509_crt_get_ca_status(cert->crt, NULL) > 0;
}

static bool issued_by(const struct cert *cert, const struct cert *issuer)
{
	return gnutls_x509_crt_check_issuer(cert->crt, issuer->crt) > 0;
}

static int check_leaf(const struct pile *pile, struct certs *c)
{
	int cas = 0;

	for (int i = 0; i < pile->n; i++)
		cas += is_ca(&pile->certs[i]);
	if (!is_ca(&pile->certs[0]))
		return 0;
	c->only_cas = cas == pile->n;
	if (c->only_cas)
		say(c->error, "is a CA certificate (CA:TRUE), which no client takes for a server's own");
	else
		say(c->error, "its first certificate is a CA certificate; the server's own must come first, its chain after it");
	return -EINVAL;
}

static int take_key(const struct cert *leaf, struct certs *c)
{
	gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
	size_t size = sizeof c->key_id;
	unsigned bits = 0;
	int algorithm = gnutls_x509_crt_get_pk_algorithm(leaf->crt, &bits);

	c->key_bits = bits;
	if (gnutls_x509_crt_get_key_id(leaf->crt, GNUTLS_KEYID_USE_SHA256, c->key_id, &size) < 0) {
		say(c->error, "its public key cannot be read");
		return -EINVAL;
	}
	gnutls_x509_crt_get_pk_ecc_raw(leaf->crt, &curve, NULL, NULL);
	if (algorithm == GNUTLS_PK_RSA)
		c->key = CATALOG_RSA;
	else if (algorithm == GNUTLS_PK_EDDSA_ED25519)
		c->key = CATALOG_ED25519;
	else if (algorithm == GNUTLS_PK_ECDSA && curve == GNUTLS_ECC_CURVE_SECP256R1)
		c->key = CATALOG_ECDSA_P256;
	else if (algorithm == GNUTLS_PK_ECDSA && curve == GNUTLS_ECC_CURVE_SECP384R1)
		c->key = CATALOG_ECDSA_P384;
	else if (algorithm == GNUTLS_PK_ECDSA && curve == GNUTLS_ECC_CURVE_SECP521R1)
		c->key = CATALOG_ECDSA_P521;
	else {
		say(c->error, "its key is of a kind that is not supported; RSA, ECDSA (P-256, P-384, P-521) and Ed25519 are");
		return -EINVAL;
	}
	return 0;
}

static void take_times(const struct cert *leaf, struct certs *c, int64_t now)
{
	char text[32];

	c->not_before = gnutls_x509_crt_get_activation_time(leaf->crt);
	c->not_after = gnutls_x509_crt_get_expiration_time(leaf->crt);
	if (now > c->not_after)
		say(c->warning, "the certificate expired on %s", day(c->not_after, text));
	else if (now < c->not_before)
		say(c->warning, "the certificate is not valid before %s", day(c->not_before, text));
}

/*
 * The issuer of cert among those not taken: one that has an issuer itself
 * before one that is self-signed (a cross-signed CA beside its root).
 */
static struct cert *issuer_of(struct pile *pile, const struct cert *cert)
{
	struct cert *found = NULL;

	for (int i = 0; i < pile->n; i++) {
		struct cert *it = &pile->certs[i];
		if (it->taken || !issued_by(cert, it))
			continue;
		if (!issued_by(it, it))
			return it;
		found = found ? found : it;
	}
	return found;
}

static void chain_push(struct certs *c, struct cert *cert)
{
	c->chain[c->chain_n++] = (struct bytes){ .data = cert->der.data, .size = cert->der.size };
	cert->der.data = NULL;
	cert->taken = true;
}

/* Whoever has the root has it already, and nobody else believes it: not sent. */
static void take_chain(struct pile *pile, struct certs *c, int64_t now)
{
	struct cert *at = &pile->certs[0], *next;
	char text[32];

	chain_push(c, at);
	while (!issued_by(at, at) && (next = issuer_of(pile, at)) != NULL) {
		if (issued_by(next, next))
			return;
		if (c->chain_n == CATALOG_CHAIN_MAX) {
			say(c->warning, "its chain is longer than %d certificates; the rest is not sent", CATALOG_CHAIN_MAX);
			return;
		}
		int64_t ends = gnutls_x509_crt_get_expiration_time(next->crt);
		if (now > ends)
			say(c->warning, "certificate %u of its chain expired on %s", c->chain_n + 1, day(ends, text));
		chain_push(c, next);
		at = next;
	}
}

static void warn_of_surplus(const struct pile *pile, struct certs *c)
{
	int surplus = 0;

	for (int i = 0; i < pile->n && c->chain_n < CATALOG_CHAIN_MAX; i++)
		surplus += !pile->certs[i].taken && !issued_by(&pile->certs[i], &pile->certs[i]);
	if (surplus > 0)
		say(c->warning, "%d certificate%s in it %s not belong to the chain of the first and %s left out",
			surplus, surplus > 1 ? "s" : "", surplus > 1 ? "do" : "does", surplus > 1 ? "are" : "is");
}

/* Wildcards are taken as the whole first label only (RFC 6125 6.4.3). */
static int take_name(struct certs *c, const void *bytes, size_t size, unsigned *bad)
{
	char name[NAME_BYTES], text[64];

	if (!name_normalize(bytes, size, true, name) || name_is_ip(name)) {
		if ((*bad)++ < NAMES_TOLD)
			say(c->warning, "'%s' is no host name and is not served", shown(bytes, size, text));
		return 0;
	}
	if (c->names_n == CERTS_NAMES_MAX) {
		say(c->warning, "it has more than %d names; the rest is not served", CERTS_NAMES_MAX);
		return -E2BIG;
	}
	c->names[c->names_n] = strdup(name);
	if (!c->names[c->names_n]) {
		say(c->warning, "no memory for all of its names");
		return -ENOMEM;
	}
	c->names_n++;
	return 0;
}

/* True if there was any dNSName. */
static bool take_alternative_names(const struct cert *leaf, struct certs *c, unsigned *bad)
{
	gnutls_subject_alt_names_t sans = NULL;
	gnutls_datum_t ext = { 0 }, name;
	unsigned type;
	bool any = false, full = false;

	if (gnutls_x509_crt_get_extension_by_oid2(leaf->crt, SAN_OID, 0, &ext, NULL) < 0)
		return false;
	int rc = gnutls_subject_alt_names_init(&sans);
	if (rc >= 0)
		rc = gnutls_x509_ext_import_subject_alt_names(&ext, sans, 0);
	if (rc < 0)
		say(c->warning, "its subjectAltName cannot be read (%s)", gnutls_strerror(rc));
	for (unsigned i = 0; rc >= 0 && !full && gnutls_subject_alt_names_get(sans, i, &type, &name, NULL) >= 0; i++) {
		if (type != GNUTLS_SAN_DNSNAME)
			continue;
		any = true;
		full = take_name(c, name.data, name.size, bad) < 0;
	}
	if (sans)
		gnutls_subject_alt_names_deinit(sans);
	gnutls_free(ext.data);
	return any;
}

static void take_common_name(const struct cert *leaf, struct certs *c, unsigned *bad)
{
	char cn[512];
	size_t size = sizeof cn;

	if (gnutls_x509_crt_get_dn_by_oid(leaf->crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, cn, &size) >= 0)
		take_name(c, cn, size, bad);
}

static int take_names(const struct cert *leaf, struct certs *c)
{
	unsigned bad = 0;

	c->names = calloc(CERTS_NAMES_MAX, sizeof *c->names);
	if (!c->names) {
		say(c->error, "no memory");
		return -EINVAL;
	}
	if (!take_alternative_names(leaf, c, &bad))
		take_common_name(leaf, c, &bad);
	if (bad > NAMES_TOLD)
		say(c->warning, "and %u more such names", bad - NAMES_TOLD);
	if (c->names_n > 0)
		return 0;
	say(c->error, "no host name is in the certificate, neither as dNSName nor as CN");
	return -EINVAL;
}

int certs_parse(struct certs *c, const void *pem, size_t size, int64_t now)
{
	struct pile pile = { .n = 0 };

	*c = (struct certs){ 0 };
	int rc = pile_fill(&pile, pem, size, c);
	if (rc == 0)
		rc = check_leaf(&pile, c);
	if (rc == 0)
		rc = take_key(&pile.certs[0], c);
	if (rc == 0)
		rc = take_names(&pile.certs[0], c);
	if (rc == 0) {
		take_times(&pile.certs[0], c, now);
		take_chain(&pile, c, now);
		warn_of_surplus(&pile, c);
	}
	pile_clear(&pile);
	return rc;
}

/* Anything but a regular file might block, or never end. */
static int check_file(struct certs *c, int fd, size_t *size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		say(c->error, "it cannot be read: %s", strerror(errno));
	else if (S_ISDIR(st.st_mode))
		say(c->error, "it is a directory; a file with certificates in PEM form is needed");
	else if (!S_ISREG(st.st_mode))
		say(c->error, "it is no regular file; a file with certificates in PEM form is needed");
	else if ((size_t)st.st_size > CERTS_FILE_BYTES_MAX)
		say(c->error, "it has %lld bytes; at most %zu are read", (long long)st.st_size, CERTS_FILE_BYTES_MAX);
	else {
		*size = (size_t)st.st_size;
		return 0;
	}
	return -EINVAL;
}

/* The number of bytes read, fewer if the file has become shorter meanwhile. */
static ssize_t read_all(int fd, char *data, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = pread(fd, data + got, size - got, (off_t)got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

int certs_read(struct certs *c, int fd, int64_t now)
{
	size_t size = 0;

	*c = (struct certs){ 0 };
	if (check_file(c, fd, &size) < 0)
		return -EINVAL;
	char *data = malloc(size + 1);
	ssize_t n = data ? read_all(fd, data, size) : -ENOMEM;
	int rc = -EINVAL;
	if (n < 0)
		say(c->error, "it cannot be read: %s", strerror((int)-n));
	else
		rc = certs_parse(c, data, (size_t)n, now);
	if (data)
		explicit_bzero(data, size);	/* a private key may have been in it */
	free(data);
	return rc;
}

void certs_clear(struct certs *c)
{
	for (uint32_t i = 0; i < c->chain_n; i++)
		gnutls_free((void *)(uintptr_t)c->chain[i].data);
	for (uint32_t i = 0; i < c->names_n; i++)
		free(c->names[i]);
	free(c->names);
	*c = (struct certs){ 0 };
}
