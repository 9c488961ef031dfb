/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Program bench-certs: a certificate authority and N certificates from it, in
 * one process. In DIR it writes ca.pem and, for each name, NAME.pem (the chain
 * and then the key), and with --apart NAME.crt and NAME.key instead.
 */
#include <getopt.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define NAME_BYTES 256
#define PATH_BYTES 4352
#define DAYS 30

struct authority {
	X509 *cert;
	EVP_PKEY *key;
	long serial;
};

struct wanted {
	const char *dir, *name;
	unsigned from, count;
	bool rsa, apart, one_key;
};

static void die(const char *what)
{
	unsigned long e = ERR_get_error();

	if (e)
		fprintf(stderr, "bench-certs: %s: %s\n", what, ERR_reason_error_string(e));
	else
		perror(what);
	exit(1);
}

static EVP_PKEY *new_key(bool rsa)
{
	EVP_PKEY *key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");

	if (!key)
		die("key");
	return key;
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!e || X509_add_ext(cert, e, -1) != 1)
		die(value);
	X509_EXTENSION_free(e);
}

static X509 *new_cert(struct authority *ca, EVP_PKEY *key, const char *name)
{
	X509 *cert = X509_new();

	if (!cert)
		die("certificate");
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), ++ca->serial);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), DAYS * 86400L);
	X509_set_pubkey(cert, key);
	/* A common name has 64 bytes at most; the one that counts is in subjectAltName. */
	if (strlen(name) <= 64)
		X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
			(const unsigned char *)name, -1, -1, 0);
	return cert;
}

static void sign(X509 *cert, struct authority *ca)
{
	if (X509_sign(cert, ca->key, EVP_sha256()) == 0)
		die("signature");
}

static void authority_init(struct authority *ca)
{
	*ca = (struct authority){ .key = new_key(false), .serial = 1 };
	ca->cert = new_cert(ca, ca->key, "bench root");
	X509_set_issuer_name(ca->cert, X509_get_subject_name(ca->cert));
	add_extension(ca->cert, ca->cert, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(ca->cert, ca->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	add_extension(ca->cert, ca->cert, NID_subject_key_identifier, "hash");
	sign(ca->cert, ca);
}

static X509 *leaf(struct authority *ca, EVP_PKEY *key, const char *name)
{
	char san[NAME_BYTES + 8];
	X509 *cert = new_cert(ca, key, name);

	X509_set_issuer_name(cert, X509_get_subject_name(ca->cert));
	snprintf(san, sizeof san, "DNS:%s", name);
	add_extension(cert, ca->cert, NID_subject_alt_name, san);
	add_extension(cert, ca->cert, NID_basic_constraints, "critical,CA:FALSE");
	add_extension(cert, ca->cert, NID_key_usage, "critical,digitalSignature");
	add_extension(cert, ca->cert, NID_ext_key_usage, "serverAuth");
	add_extension(cert, ca->cert, NID_authority_key_identifier, "keyid");
	sign(cert, ca);
	return cert;
}

static void write_file(const char *dir, const char *name, const char *ending, X509 *cert, EVP_PKEY *key)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof path, "%s/%s%s", dir, name, ending);
	FILE *f = fopen(path, "we");
	if (!f)
		die(path);
	if (cert && PEM_write_X509(f, cert) != 1)
		die(path);
	if (key && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) != 1)
		die(path);
	if (fclose(f) != 0)
		die(path);
}

static void one(const struct wanted *w, struct authority *ca, EVP_PKEY *key, const char *name)
{
	X509 *cert = leaf(ca, key, name);

	if (w->apart) {
		write_file(w->dir, name, ".crt", cert, NULL);
		write_file(w->dir, name, ".key", NULL, key);
	} else {
		write_file(w->dir, name, ".pem", cert, key);
	}
	X509_free(cert);
}

/* %u in the name is the certificate's number. */
static void name_of(char *out, size_t size, const char *pattern, unsigned number)
{
	const char *mark = strstr(pattern, "%u");

	if (mark)
		snprintf(out, size, "%.*s%u%s", (int)(mark - pattern), pattern, number, mark + 2);
	else
		snprintf(out, size, "%s", pattern);
}

static void make_all(const struct wanted *w, struct authority *ca)
{
	EVP_PKEY *key = NULL;
	char name[NAME_BYTES];

	for (unsigned i = w->from; i < w->from + w->count; i++) {
		if (!key || !w->one_key) {
			EVP_PKEY_free(key);
			key = new_key(w->rsa);
		}
		name_of(name, sizeof name, w->name, i);
		one(w, ca, key, name);
	}
	EVP_PKEY_free(key);
}

/* ca.pem and ca.key are used again, so that later calls add to the same folder. */
static bool authority_load(struct authority *ca, const char *dir)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof path, "%s/ca.key", dir);
	FILE *k = fopen(path, "re");
	snprintf(path, sizeof path, "%s/ca.pem", dir);
	FILE *c = fopen(path, "re");
	if (k && c)
		*ca = (struct authority){ .key = PEM_read_PrivateKey(k, NULL, NULL, NULL),
			.cert = PEM_read_X509(c, NULL, NULL, NULL), .serial = time(NULL) % 100000 * 100000 };
	if (k)
		fclose(k);
	if (c)
		fclose(c);
	return k && c && ca->key && ca->cert;
}

static unsigned number(const char *text)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*end || end == text || *text == '-' || v > 10000000) {
		fprintf(stderr, "bench-certs: not a number: %s\n", text);
		exit(2);
	}
	return (unsigned)v;
}

static void parse(struct wanted *w, const char **ca_dir, int argc, char **argv)
{
	static const struct option names[] = {
		{ "dir", required_argument, NULL, 'd' }, { "ca", required_argument, NULL, 'a' },
		{ "name", required_argument, NULL, 'n' }, { "count", required_argument, NULL, 'c' },
		{ "from", required_argument, NULL, 'f' }, { "rsa", no_argument, NULL, 'r' },
		{ "apart", no_argument, NULL, 'p' }, { "one-key", no_argument, NULL, 'o' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 'd': w->dir = optarg; break;
		case 'a': *ca_dir = optarg; break;
		case 'n': w->name = optarg; break;
		case 'c': w->count = number(optarg); break;
		case 'f': w->from = number(optarg); break;
		case 'r': w->rsa = true; break;
		case 'p': w->apart = true; break;
		case 'o': w->one_key = true; break;
		default: w->dir = NULL; optind = argc; break;
		}
	}
}

int main(int argc, char **argv)
{
	struct wanted w = { .name = "n%u.bench.test", .count = 1 };
	struct authority ca = { 0 };
	const char *ca_dir = NULL;

	parse(&w, &ca_dir, argc, argv);
	if (!w.dir || optind < argc) {
		fprintf(stderr, "usage: bench-certs --dir DIR [--ca DIR] [--name n%%u.bench.test] [--count N] [--from N]\n"
			"       [--rsa] [--apart: NAME.crt and NAME.key] [--one-key: the same for all]\n");
		return 2;
	}
	if (!ca_dir)
		ca_dir = w.dir;
	umask(077);
	if (!authority_load(&ca, ca_dir)) {
		authority_init(&ca);
		write_file(ca_dir, "ca", ".pem", ca.cert, NULL);
		write_file(ca_dir, "ca", ".key", NULL, ca.key);
	}
	make_all(&w, &ca);
	X509_free(ca.cert);
	EVP_PKEY_free(ca.key);
	return 0;
}
