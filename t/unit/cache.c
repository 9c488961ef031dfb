/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/librarian/record.c, cache.c and answer.c. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <gnutls/pkcs7.h>

#include "t/unit/folder.h"
#include "t/unit/pki.h"
#include "workers/librarian/answer.h"
#include "workers/librarian/cache.h"

static struct pki_cert root, middle, leaf;
static char folder[] = "/tmp/tlsward-cache-XXXXXX";

static int make_all(void **state)
{
	(void)state;
	pki_make(&root, &(struct pki_want){ .cn = "Root", .ca = true });
	pki_make(&middle, &(struct pki_want){ .cn = "Middle", .ca = true, .issuer = &root });
	pki_make(&leaf, &(struct pki_want){ .names = { "a.example.org" }, .issuer = &middle });
	return mkdtemp(folder) ? 0 : -1;
}

static int clear_all(void **state)
{
	(void)state;
	pki_clear(&root);
	pki_clear(&middle);
	pki_clear(&leaf);
	folder_empty(folder);
	return rmdir(folder);
}

static int begin_case(void **state)
{
	(void)state;
	folder_empty(folder);
	return 0;
}

static struct cache *open_cache(void)
{
	struct cache *c = cache_new(open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC));

	assert_non_null(c);
	return c;
}

static gnutls_datum_t der_of(const struct pki_cert *c)
{
	gnutls_datum_t der;

	assert_true(gnutls_x509_crt_export2(c->crt, GNUTLS_X509_FMT_DER, &der) >= 0);
	return der;
}

/* What a load has given. */
static struct { int n; struct record last; } loaded;

static void on_record(void *data, const struct record *r)
{
	(void)data;
	loaded.n++;
	record_clear(&loaded.last);
	loaded.last = *r;
	loaded.last.body = (struct bytes){ 0 };
	assert_int_equal(record_set_body(&loaded.last, r->body.data, r->body.size), 0);
}

static int load(void)
{
	struct cache *c = open_cache();

	loaded.n = 0;
	assert_int_equal(cache_load(c, on_record, NULL), 0);
	cache_free(c);
	return loaded.n;
}

static struct record example(const char *url)
{
	struct record r = { .kind = RECORD_AIA, .fetched = 1700000000, .tried = 1700000100, .next = 1700003600,
		.failures = 3, .error = "connection refused" };
	gnutls_datum_t der = der_of(&middle);

	snprintf(r.id, sizeof r.id, "%s", url);
	snprintf(r.url, sizeof r.url, "%s", url);
	assert_int_equal(record_set_body(&r, der.data, der.size), 0);
	gnutls_free(der.data);
	return r;
}

static void put(const char *url)
{
	struct cache *c = open_cache();
	struct record r = example(url);

	assert_int_equal(cache_put(c, &r), 0);
	record_clear(&r);
	cache_free(c);
}

/* The only file in the folder that ends so; NULL: none. */
static char *file(const char *end)
{
	static char path[1024];
	DIR *d = opendir(folder);
	struct dirent *e;
	char *found = NULL;

	while ((e = readdir(d)) != NULL)
		if (strlen(e->d_name) > strlen(end) && strcmp(e->d_name + strlen(e->d_name) - strlen(end), end) == 0)
			snprintf(found = path, sizeof path, "%s/%s", folder, e->d_name);
	closedir(d);
	return found;
}

static void what_is_put_is_loaded_and_a_person_can_read_it(void **state)
{
	char text[4096] = "";

	(void)state;
	put("http://ca.example/middle.cer");
	put("http://ca.example/other.cer");
	put("http://ca.example/middle.cer");
	assert_int_equal(load(), 2);
	struct cache *c = open_cache();
	assert_int_equal(cache_remove(c, RECORD_AIA, "http://ca.example/other.cer"), 0);
	assert_int_equal(cache_remove(c, RECORD_AIA, "http://ca.example/other.cer"), -ENOENT);
	cache_free(c);
	assert_int_equal(load(), 1);
	struct record r = example("http://ca.example/middle.cer");
	assert_string_equal(loaded.last.url, r.url);
	assert_int_equal(loaded.last.next, r.next);
	assert_int_equal(loaded.last.failures, 3);
	assert_string_equal(loaded.last.error, "connection refused");
	assert_int_equal(loaded.last.body.size, r.body.size);
	assert_memory_equal(loaded.last.body.data, r.body.data, r.body.size);
	record_clear(&r);
	FILE *f = fopen(file(".pem"), "r");
	assert_true(fread(text, 1, sizeof text - 1, f) > 0);
	fclose(f);
	assert_non_null(strstr(text, "url: http://ca.example/middle.cer\n"));
	assert_non_null(strstr(text, "next: 2023-11-14T23:13:20Z\n"));
	assert_non_null(strstr(text, "-----BEGIN CERTIFICATE-----\n"));
}

static void every_damaged_file_is_set_aside_and_harms_no_other(void **state)
{
	static const char *const bad[] = {
		"", "x", "tlsward-cache 1\n", "tlsward-cache 2\nkind: aia\n", "tlsward-cache 1\nkind: aia\nid: a\nurl: a\nnext: soon\n",
		"tlsward-cache 1\nkind: aia\nid: a\nurl: a\nfailures: -1\n", "tlsward-cache 1\nkind: aia\nid: a\nurl: a\nfetched: 2023-11-14T23:13:20Z\n",
		"tlsward-cache 1\nkind: aia\nid: a\nurl: a\n-----BEGIN CERTIFICATE-----\n",
		"tlsward-cache 1\nkind: aia\nid: a\nurl: a\n", /* good, but not of that name */
	};

	(void)state;
	put("http://ca.example/good.cer");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char path[1024];
		snprintf(path, sizeof path, "%s/aia-%zu.pem", folder, i);
		FILE *f = fopen(path, "w");
		fputs(bad[i], f);
		fclose(f);
		assert_int_equal(load(), 1);
		assert_int_equal(access(path, F_OK), -1);
		strcat(path, ".damaged");
		assert_int_equal(access(path, F_OK), 0);
		assert_int_equal(load(), 1);
	}
}

/* Still PEM, and still DER perhaps. */
static void a_body_with_one_other_digit_is_set_aside(void **state)
{
	char text[4096] = "", path[1024];

	(void)state;
	put("http://ca.example/good.cer");
	assert_int_equal(load(), 1);
	assert_true(loaded.last.summed);
	snprintf(path, sizeof path, "%s", file(".pem"));
	FILE *f = fopen(path, "r+");
	assert_true(fread(text, 1, sizeof text - 1, f) > 0);
	char *digit = strstr(text, "-----BEGIN CERTIFICATE-----\n") + 128;
	*digit = *digit == 'A' ? 'B' : 'A';
	rewind(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(load(), 0);
	assert_int_equal(access(path, F_OK), -1);
}

static void what_is_no_file_of_ours_is_left_alone(void **state)
{
	char path[1024];

	(void)state;
	snprintf(path, sizeof path, "%s/README", folder);
	fclose(fopen(path, "w"));
	assert_int_equal(load(), 0);
	assert_int_equal(access(path, F_OK), 0);
	snprintf(path, sizeof path, "%s/aia-link.pem", folder);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(load(), 0);
	assert_non_null(file(".pem.damaged"));
}

/* As a full disk does: the write fails in the middle. */
static void a_write_that_fails_leaves_what_was(void **state)
{
	struct rlimit before, small = { 100, 100 };
	struct cache *c = open_cache();
	struct record r = example("http://ca.example/a.cer");

	(void)state;
	put("http://ca.example/a.cer");
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	small.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_FSIZE, &small);
	r.failures = 9;
	int rc = cache_put(c, &r);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(rc, -EFBIG);
	assert_null(file(".new"));
	assert_int_equal(load(), 1);
	assert_int_equal(loaded.last.failures, 3);
	record_clear(&r);
	cache_free(c);
}

static void what_a_crash_has_left_half_is_cleared_away(void **state)
{
	char path[1024];

	(void)state;
	snprintf(path, sizeof path, "%s/aia-00.pem.new", folder);
	fclose(fopen(path, "w"));
	assert_int_equal(load(), 0);
	assert_int_equal(access(path, F_OK), -1);
}

/* ---- answers ---- */

static struct chain_cert *cert_of(const struct pki_cert *c)
{
	gnutls_datum_t der = der_of(c);
	struct chain_cert *cert = chain_cert_new(der.data, der.size);

	assert_non_null(cert);
	gnutls_free(der.data);
	return cert;
}

static void assert_issuer(const void *body, size_t size, const char *why_not)
{
	struct chain_cert *of = cert_of(&leaf), *issuer = cert_of(&middle);
	const char *why = "";
	struct chain_cert *found = answer_issuer(of, body, size, &why);

	assert_string_equal(why, why_not);
	assert_int_equal(found != NULL, *why_not == '\0');
	if (found)
		assert_true(chain_cert_same(found, issuer));
	chain_cert_unref(found);
	chain_cert_unref(of);
	chain_cert_unref(issuer);
}

static void the_issuer_is_found_in_every_form_of_answer(void **state)
{
	gnutls_datum_t der = der_of(&middle), bag;
	gnutls_pkcs7_t pkcs7;
	char pem[16384] = "";

	(void)state;
	assert_issuer(der.data, der.size, "");
	pki_append(pem, sizeof pem, &root);
	pki_append(pem, sizeof pem, &middle);
	assert_issuer(pem, strlen(pem), "");
	assert_true(gnutls_pkcs7_init(&pkcs7) >= 0);
	assert_true(gnutls_pkcs7_set_crt(pkcs7, root.crt) >= 0);
	assert_true(gnutls_pkcs7_set_crt(pkcs7, middle.crt) >= 0);
	assert_true(gnutls_pkcs7_export2(pkcs7, GNUTLS_X509_FMT_DER, &bag) >= 0);
	assert_issuer(bag.data, bag.size, "");
	gnutls_pkcs7_deinit(pkcs7);
	gnutls_free(bag.data);
	gnutls_free(der.data);
}

static void what_is_not_the_issuer_is_not_taken(void **state)
{
	struct pki_cert namesake;
	gnutls_datum_t der = der_of(&root);

	(void)state;
	assert_issuer(der.data, der.size, "the certificate in the answer is not the issuer's");
	gnutls_free(der.data);
	pki_make(&namesake, &(struct pki_want){ .cn = "Middle", .ca = true, .issuer = &root });
	der = der_of(&namesake);
	assert_issuer(der.data, der.size, "the certificate in the answer is not the issuer's");
	assert_issuer(der.data, der.size - 1, "the answer holds no certificate");
	assert_issuer("", 0, "the answer holds no certificate");
	assert_issuer("<html>not found</html>", 22, "the answer holds no certificate");
	gnutls_free(der.data);
	pki_clear(&namesake);
}

#define CASE(f) cmocka_unit_test_setup(f, begin_case)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_put_is_loaded_and_a_person_can_read_it),
		CASE(every_damaged_file_is_set_aside_and_harms_no_other),
		CASE(a_body_with_one_other_digit_is_set_aside),
		CASE(what_is_no_file_of_ours_is_left_alone),
		CASE(a_write_that_fails_leaves_what_was),
		CASE(what_a_crash_has_left_half_is_cleared_away),
		CASE(the_issuer_is_found_in_every_form_of_answer),
		CASE(what_is_not_the_issuer_is_not_taken),
	};
	int failed = cmocka_run_group_tests_name("cache", tests, make_all, clear_all);
	record_clear(&loaded.last);
	return failed;
}
