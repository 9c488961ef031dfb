/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/librarian/certs.c and pem.c. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/memfd.h"
#include "t/unit/pki.h"
#include "workers/librarian/certs.h"

#define TEXT 65536

static struct pki_cert root, middle, middle2, leaf;
static char text[TEXT];

static int make_all(void **state)
{
	(void)state;
	pki_make(&root, &(struct pki_want){ .cn = "Root", .ca = true });
	pki_make(&middle, &(struct pki_want){ .cn = "Middle", .ca = true, .issuer = &root });
	pki_make(&middle2, &(struct pki_want){ .cn = "Middle 2", .ca = true, .issuer = &middle });
	pki_make(&leaf, &(struct pki_want){ .cn = "ignored.example.org",
		.names = { "A.example.org", "*.example.net" }, .ip = true, .issuer = &middle2 });
	return 0;
}

static int clear_all(void **state)
{
	(void)state;
	pki_clear(&root);
	pki_clear(&middle);
	pki_clear(&middle2);
	pki_clear(&leaf);
	return 0;
}

static void begin(void) { text[0] = '\0'; }
static void add(const struct pki_cert *c) { pki_append(text, TEXT, c); }

static int parse(struct certs *c) { return certs_parse(c, text, strlen(text), time(NULL)); }

static void assert_is(const struct bytes *b, const struct pki_cert *c)
{
	gnutls_datum_t der;

	assert_true(gnutls_x509_crt_export2(c->crt, GNUTLS_X509_FMT_DER, &der) >= 0);
	assert_int_equal(b->size, der.size);
	assert_memory_equal(b->data, der.data, der.size);
	gnutls_free(der.data);
}

/* Parses a file of one certificate made to order. */
static int parse_one(struct certs *c, const struct pki_want *want)
{
	struct pki_cert one;

	pki_make(&one, want);
	begin();
	add(&one);
	pki_clear(&one);
	return parse(c);
}

static void assert_has(const char *have, const char *part)
{
	if (!strstr(have, part))
		fail_msg("'%s' does not say '%s'", have, part);
}

static void assert_refused(const char *part)
{
	struct certs c;

	assert_int_equal(parse(&c), -EINVAL);
	assert_has(c.error, part);
	certs_clear(&c);
}

static void names_are_normalized_and_the_cn_counts_only_without_them(void **state)
{
	struct certs c;

	(void)state;
	begin();
	add(&leaf);
	assert_int_equal(parse(&c), 0);
	assert_int_equal(c.names_n, 2);
	assert_string_equal(c.names[0], "a.example.org");
	assert_string_equal(c.names[1], "*.example.net");
	certs_clear(&c);
	assert_int_equal(parse_one(&c, &(struct pki_want){ .cn = "CN.example.org", .ip = true }), 0);
	assert_int_equal(c.names_n, 1);
	assert_string_equal(c.names[0], "cn.example.org");
	certs_clear(&c);
}

static void names_that_are_no_host_names_are_skipped_with_a_warning(void **state)
{
	struct certs c;

	(void)state;
	assert_int_equal(parse_one(&c, &(struct pki_want){ .names = { "a*.example.org", "x.*.example.org",
		"192.0.2.1", "good.example.org", "no name" } }), 0);
	assert_int_equal(c.names_n, 1);
	assert_has(c.warning, "'a*.example.org' is no host name");
	assert_has(c.warning, "and 1 more such names");
	certs_clear(&c);
	assert_int_equal(parse_one(&c, &(struct pki_want){ .cn = "Our\033[2JServer" }), -EINVAL);
	assert_null(strchr(c.warning, '\033'));
	assert_has(c.error, "no host name is in the certificate");
	certs_clear(&c);
}

static void the_key_id_is_the_hash_of_the_public_key_info(void **state)
{
	static const struct { enum pki_key key; enum catalog_key is; uint32_t bits; } kinds[] = {
		{ PKI_P256, CATALOG_ECDSA_P256, 256 }, { PKI_P384, CATALOG_ECDSA_P384, 384 },
		{ PKI_RSA, CATALOG_RSA, 2048 }, { PKI_ED25519, CATALOG_ED25519, 256 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct pki_cert one;
		struct certs c;
		uint8_t id[KEY_ID_BYTES];
		pki_make(&one, &(struct pki_want){ .cn = "a.example.org", .key = kinds[i].key });
		pki_key_id(&one, id);
		begin();
		add(&one);
		assert_int_equal(parse(&c), 0);
		assert_memory_equal(c.key_id, id, sizeof id);
		assert_int_equal(c.key, kinds[i].is);
		assert_int_equal(c.key_bits, kinds[i].bits);
		const gnutls_datum_t der = { (unsigned char *)(uintptr_t)c.der.data, (unsigned)c.der.size };
		gnutls_datum_t spki = pki_spki(&one, &der);
		assert_ptr_equal(c.spki.data, spki.data);
		assert_int_equal(c.spki.size, spki.size);
		certs_clear(&c);
		pki_clear(&one);
	}
}

static void what_the_key_may_be_used_for_is_known(void **state)
{
	struct certs c;

	(void)state;
	assert_int_equal(parse_one(&c, &(struct pki_want){ .cn = "a.example.org" }), 0);
	assert_int_equal(c.key_usage, 0);
	certs_clear(&c);
	assert_int_equal(parse_one(&c, &(struct pki_want){ .cn = "a.example.org", .usage = GNUTLS_KEY_KEY_AGREEMENT }), 0);
	assert_int_equal(c.key_usage, GNUTLS_KEY_KEY_AGREEMENT);
	certs_clear(&c);
}

static void what_is_outside_its_time_is_taken_with_a_warning(void **state)
{
	struct certs c;

	(void)state;
	assert_int_equal(parse_one(&c, &(struct pki_want){ .cn = "a.example.org", .from_days = -20, .to_days = -10 }), 0);
	assert_has(c.warning, "expired on");
	certs_clear(&c);
	assert_int_equal(parse_one(&c, &(struct pki_want){ .cn = "a.example.org", .from_days = 10, .to_days = 20 }), 0);
	assert_has(c.warning, "not valid before");
	certs_clear(&c);
}

static void a_ca_certificate_is_not_served(void **state)
{
	struct certs c;

	(void)state;
	begin();
	add(&middle);
	add(&root);
	assert_int_equal(parse(&c), -EINVAL);
	assert_true(c.only_cas);
	assert_has(c.error, "is a CA certificate");
	certs_clear(&c);
	add(&leaf);
	assert_int_equal(parse(&c), -EINVAL);
	assert_false(c.only_cas);
	assert_has(c.error, "must come first");
	certs_clear(&c);
}

static void a_file_is_bounded(void **state)
{
	struct certs c;

	(void)state;
	begin();
	add(&leaf);
	for (int i = 0; i < CERTS_FILE_MAX - 1; i++)
		add(&root);
	assert_int_equal(parse(&c), 0);
	assert_is(&c.der, &leaf);
	assert_int_equal(c.others_n, CERTS_FILE_MAX - 1);
	certs_clear(&c);
	add(&root);
	assert_refused("more than 64 certificates");
}

static void a_private_key_in_the_file_is_pointed_out(void **state)
{
	struct certs c;

	(void)state;
	begin();
	pki_append_key(text, TEXT, &leaf);
	add(&leaf);
	assert_int_equal(parse(&c), 0);
	assert_has(c.warning, "private key");
	certs_clear(&c);
}

static void damaged_files_say_what_is_wrong_with_them(void **state)
{
	(void)state;
	begin();
	assert_refused("is empty");
	strcpy(text, "hello, world\n");
	assert_refused("no certificate in PEM form");
	strcpy(text, "\x30\x82\x03\x01rest");
	assert_refused("looks like DER");
	begin();
	add(&leaf);
	add(&middle);
	text[strlen(text) - 40] = '\0';
	assert_refused("certificate 2 in it is cut off");
	strcpy(text, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
	assert_refused("certificate 1 in it is damaged");
	strcpy(text, "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n");
	assert_refused("certificate 1 in it is damaged");
	strcpy(text, "-----BEGIN CERTIFICATE");
	assert_refused("no certificate in PEM form");
}

/* Whatever DER comes: an answer, not a crash; sanitizers and valgrind watch. */
static void no_damaged_byte_of_a_certificate_does_harm(void **state)
{
	gnutls_datum_t der, pem;
	struct certs c;

	(void)state;
	assert_true(gnutls_x509_crt_export2(leaf.crt, GNUTLS_X509_FMT_DER, &der) >= 0);
	for (unsigned i = 0; i < der.size; i++) {
		der.data[i] ^= 0xff;
		assert_true(gnutls_pem_base64_encode2("CERTIFICATE", &der, &pem) >= 0);
		int rc = certs_parse(&c, pem.data, pem.size, time(NULL));
		assert_true(rc == 0 || c.error[0]);
		certs_clear(&c);
		gnutls_free(pem.data);
		der.data[i] ^= 0xff;
	}
	gnutls_free(der.data);
}

static void only_regular_files_of_bounded_size_are_read(void **state)
{
	struct certs c;
	int pipe_fds[2], fd = memfd_new("certs", 0);

	(void)state;
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(certs_read(&c, pipe_fds[0], 0), -EINVAL);
	assert_has(c.error, "no regular file");
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	int dir = open("/", O_RDONLY);
	assert_int_equal(certs_read(&c, dir, 0), -EINVAL);
	assert_has(c.error, "is a directory");
	close(dir);
	begin();
	add(&leaf);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(certs_read(&c, fd, time(NULL)), 0);
	certs_clear(&c);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	assert_int_equal(certs_read(&c, fd, time(NULL)), 0);
	certs_clear(&c);
	assert_int_equal(ftruncate(fd, (1 << 20) + 1), 0);
	assert_int_equal(certs_read(&c, fd, 0), -EINVAL);
	assert_has(c.error, "at most 1048576 are read");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_normalized_and_the_cn_counts_only_without_them),
		cmocka_unit_test(names_that_are_no_host_names_are_skipped_with_a_warning),
		cmocka_unit_test(the_key_id_is_the_hash_of_the_public_key_info),
		cmocka_unit_test(what_the_key_may_be_used_for_is_known),
		cmocka_unit_test(what_is_outside_its_time_is_taken_with_a_warning),
		cmocka_unit_test(a_ca_certificate_is_not_served),
		cmocka_unit_test(a_file_is_bounded),
		cmocka_unit_test(a_private_key_in_the_file_is_pointed_out),
		cmocka_unit_test(damaged_files_say_what_is_wrong_with_them),
		cmocka_unit_test(no_damaged_byte_of_a_certificate_does_harm),
		cmocka_unit_test(only_regular_files_of_bounded_size_are_read),
	};
	return cmocka_run_group_tests_name("certs", tests, make_all, clear_all);
}
