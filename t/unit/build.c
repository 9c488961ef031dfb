/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/librarian/build.c and remarks.c, with the sources file and store. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "t/unit/pki.h"
#include "workers/librarian/build.h"
#include "workers/librarian/remarks.h"
#include "workers/librarian/sources.h"

#define TEXT 65536

static struct pki_cert root, middle, middle2, leaf;
static char text[TEXT];

/* What a case works with. */
static struct pool *store;
static struct certs certs;
static struct built built;

static int make_all(void **state)
{
	(void)state;
	pki_make(&root, &(struct pki_want){ .cn = "Root", .ca = true });
	pki_make(&middle, &(struct pki_want){ .cn = "Middle", .ca = true, .issuer = &root });
	pki_make(&middle2, &(struct pki_want){ .cn = "Middle 2", .ca = true, .issuer = &middle, .url = "http://ca.example/middle.cer" });
	pki_make(&leaf, &(struct pki_want){ .names = { "a.example.org" }, .issuer = &middle2, .url = "http://ca.example/middle2.cer" });
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

static int begin_case(void **state)
{
	(void)state;
	text[0] = '\0';
	store = pool_new();
	return store ? 0 : -1;
}

static int end_case(void **state)
{
	(void)state;
	certs_clear(&certs);
	pool_unref(store);
	return 0;
}

static gnutls_datum_t der_of(const struct pki_cert *c)
{
	gnutls_datum_t der;

	assert_true(gnutls_x509_crt_export2(c->crt, GNUTLS_X509_FMT_DER, &der) >= 0);
	return der;
}

static void add(const struct pki_cert *c) { pki_append(text, TEXT, c); }

static void add_to_store(const struct pki_cert *c)
{
	gnutls_datum_t der = der_of(c);
	struct chain_cert *cert = chain_cert_new(der.data, der.size);

	assert_int_equal(pool_add(store, cert), 1);
	assert_int_equal(pool_add(store, cert), 0);
	chain_cert_unref(cert);
	gnutls_free(der.data);
}

/* Builds from the file in `text` and the store, in the order of these sources. */
static void build_with(enum chain_source first, enum chain_source second)
{
	struct sources s = { .store = store };
	struct chain_order order = { .n = 0 };
	struct chain_use uses[SOURCES_MAX + 1];

	chain_order_add(&order, first);
	chain_order_add(&order, second);
	sources_use(&s, &order, uses);
	certs_clear(&certs);
	assert_int_equal(certs_parse(&certs, text, strlen(text), time(NULL)), 0);
	struct build b = { .cert = certs.cert, .file = certs.others, .file_n = certs.others_n, .uses = uses, .order = &order,
		.mismatched = certs.names_from_cn };
	build_chains(&b, time(NULL), &built);
	remarks_on_chain(&certs, &built, time(NULL));
	assert_true(built.n >= 1);
}

static void build(void) { build_with(CHAIN_FILE, CHAIN_STORE); }

static void assert_has(const char *have, const char *part)
{
	if (!strstr(have, part))
		fail_msg("'%s' does not say '%s'", have, part);
}

/* The i-th chain: who is in it and from where, as "CN=x:f CN=y:fs", and whether it is complete. */
static void assert_chain(int i, const char *links, bool complete)
{
	char have[512] = "";
	size_t n = 0;

	assert_true(i < built.n);
	const struct build_chain *c = &built.chains[i];
	for (uint32_t k = 0; k < c->links_n; k++)
		n += (size_t)snprintf(have + n, sizeof have - n, "%s%s:%s%s", k ? " " : "", c->links[k].name,
			c->links[k].sources & 1u << CHAIN_FILE ? "f" : "", c->links[k].sources & 1u << CHAIN_STORE ? "s" : "");
	assert_string_equal(have, links);
	assert_int_equal(!!(c->flags & CATALOG_COMPLETE), complete);
	assert_int_equal(c->last == NULL, complete);
}

static void a_file_in_any_order_becomes_a_chain_without_its_root(void **state)
{
	const struct pki_cert *orders[][4] = {
		{ &leaf, &middle2, &middle, &root }, { &leaf, &middle, &middle2, &root },
		{ &leaf, &root, &middle, &middle2 }, { &leaf, &middle2, &root, &middle },
	};

	(void)state;
	for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
		text[0] = '\0';
		for (int k = 0; k < 4; k++)
			add(orders[i][k]);
		build();
		assert_string_equal(certs.warning, "");
		assert_int_equal(built.n, 1);
		assert_chain(0, "CN=Middle 2:f CN=Middle:f", true);
		gnutls_datum_t der = der_of(&middle2);
		assert_int_equal(built.chains[0].links[0].der.size, der.size);
		assert_memory_equal(built.chains[0].links[0].der.data, der.data, der.size);
		gnutls_free(der.data);
	}
}

static void a_root_that_the_store_knows_completes_and_is_not_sent(void **state)
{
	(void)state;
	add(&leaf), add(&middle2), add(&middle);
	build();
	assert_chain(0, "CN=Middle 2:f CN=Middle:f", false);
	assert_string_equal(built.chains[0].missing, "CN=Root");
	assert_string_equal(certs.warning, "");
	add_to_store(&root);
	build();
	assert_int_equal(built.n, 1);
	assert_chain(0, "CN=Middle 2:f CN=Middle:f", true);
	assert_string_equal(built.chains[0].missing, "");
}

static void what_the_file_lacks_the_store_gives(void **state)
{
	(void)state;
	add_to_store(&root);
	add_to_store(&middle2);
	add(&leaf), add(&middle);
	build();
	assert_chain(0, "CN=Middle 2:s CN=Middle:f", true);
	add_to_store(&middle);
	build();
	assert_chain(0, "CN=Middle 2:s CN=Middle:fs", true);
	assert_int_equal(built.n, 1);
	assert_string_equal(certs.warning, "");
}

static void a_gap_names_who_is_missing_and_where_to_get_it(void **state)
{
	(void)state;
	add_to_store(&root);
	add(&leaf), add(&middle);
	build();
	assert_chain(0, "", false);
	assert_string_equal(built.chains[0].missing, "CN=Middle 2");
	assert_string_equal(built.chains[0].url, "http://ca.example/middle2.cer");
	assert_has(certs.warning, "its chain is incomplete: no source has the certificate of its issuer, CN=Middle 2 (http://ca.example/middle2.cer)");
	text[0] = '\0';
	add(&leaf), add(&middle2);
	build();
	assert_chain(0, "CN=Middle 2:f", false);
	assert_string_equal(built.chains[0].missing, "CN=Middle");
	assert_has(certs.warning, "no source has CN=Middle (http://ca.example/middle.cer)");
}

static void cross_signed_authorities_give_alternatives(void **state)
{
	struct pki_cert other_root, cross;

	(void)state;
	pki_make(&other_root, &(struct pki_want){ .cn = "Other Root", .ca = true });
	pki_make(&cross, &(struct pki_want){ .cn = "Middle", .ca = true, .issuer = &other_root, .same_key_as = &middle });
	add(&leaf), add(&cross), add(&middle2), add(&middle);
	build();
	assert_int_equal(built.n, 2);
	assert_chain(0, "CN=Middle 2:f CN=Middle:f", false);
	assert_chain(1, "CN=Middle 2:f CN=Middle:f", false);
	add_to_store(&other_root);
	build();
	assert_int_equal(built.n, 2);
	assert_chain(0, "CN=Middle 2:f CN=Middle:f", true);
	gnutls_datum_t der = der_of(&cross);
	assert_memory_equal(built.chains[0].links[1].der.data, der.data, der.size);
	assert_chain(1, "CN=Middle 2:f CN=Middle:f", false);
	assert_string_equal(certs.warning, "");
	gnutls_free(der.data);
	pki_clear(&other_root);
	pki_clear(&cross);
}

/* A root that is also cross-signed by an older one: the operator's file decides how far it goes. */
static void what_the_file_goes_on_with_is_sent_though_a_root_would_do(void **state)
{
	struct pki_cert old, cross;

	(void)state;
	pki_make(&old, &(struct pki_want){ .cn = "Old", .ca = true });
	pki_make(&cross, &(struct pki_want){ .cn = "Root", .ca = true, .issuer = &old, .same_key_as = &root });
	add_to_store(&root);
	add_to_store(&old);
	add(&leaf), add(&middle2), add(&middle), add(&cross);
	build();
	assert_int_equal(built.n, 2);
	assert_chain(0, "CN=Middle 2:f CN=Middle:f CN=Root:f", true);
	assert_chain(1, "CN=Middle 2:f CN=Middle:f", true);
	add_to_store(&cross);
	text[0] = '\0';
	add(&leaf), add(&middle2), add(&middle);
	build();
	assert_chain(0, "CN=Middle 2:f CN=Middle:f", true);
	assert_chain(1, "CN=Middle 2:f CN=Middle:f CN=Root:s", true);
	pki_clear(&old);
	pki_clear(&cross);
}

static void an_expired_link_gives_way_to_one_that_is_valid(void **state)
{
	struct pki_cert expired;

	(void)state;
	pki_make(&expired, &(struct pki_want){ .cn = "Middle 2", .ca = true, .issuer = &middle, .same_key_as = &middle2,
		.from_days = -20, .to_days = -10 });
	add_to_store(&root);
	add(&leaf), add(&expired), add(&middle);
	build();
	assert_int_equal(built.n, 1);
	assert_chain(0, "CN=Middle 2:f CN=Middle:f", true);
	assert_has(certs.warning, "a certificate of its chain expired on");
	add_to_store(&middle2);
	build();
	assert_int_equal(built.n, 2);
	assert_chain(0, "CN=Middle 2:s CN=Middle:f", true);
	assert_chain(1, "CN=Middle 2:f CN=Middle:f", true);
	assert_string_equal(certs.warning, "");
	pki_clear(&expired);
}

static void the_order_of_sources_decides_between_equals(void **state)
{
	struct pki_cert again;

	(void)state;
	pki_make(&again, &(struct pki_want){ .cn = "Middle 2", .ca = true, .issuer = &middle, .same_key_as = &middle2 });
	add_to_store(&root);
	add_to_store(&again);
	add(&leaf), add(&middle2), add(&middle);
	build();
	assert_chain(0, "CN=Middle 2:f CN=Middle:f", true);
	build_with(CHAIN_STORE, CHAIN_FILE);
	assert_chain(0, "CN=Middle 2:s CN=Middle:f", true);
	assert_chain(1, "CN=Middle 2:f CN=Middle:f", true);
	pki_clear(&again);
}

static void authorities_that_sign_each_other_end_a_chain(void **state)
{
	struct pki_cert a, a_by_b, b, end;

	(void)state;
	pki_make(&a, &(struct pki_want){ .cn = "A", .ca = true });
	pki_make(&b, &(struct pki_want){ .cn = "B", .ca = true, .issuer = &a });
	pki_make(&a_by_b, &(struct pki_want){ .cn = "A", .ca = true, .issuer = &b, .same_key_as = &a });
	pki_make(&end, &(struct pki_want){ .names = { "a.example.org" }, .issuer = &a });
	add(&end), add(&a_by_b), add(&b);
	build();
	assert_int_equal(built.n, 1);
	assert_chain(0, "CN=A:f CN=B:f", false);
	assert_string_equal(built.chains[0].missing, "CN=A");
	pki_clear(&a);
	pki_clear(&b);
	pki_clear(&a_by_b);
	pki_clear(&end);
}

/* Six generations of two each: 64 ways up. */
static void a_web_of_cross_signing_is_bounded(void **state)
{
	struct pki_cert cas[6][4], end;
	char cn[32];

	(void)state;
	for (int g = 0; g < 6; g++) {
		for (int i = 0; i < 4; i++) {
			snprintf(cn, sizeof cn, "G%d", g);
			pki_make(&cas[g][i], &(struct pki_want){ .cn = cn, .ca = true, .issuer = g ? &cas[g - 1][i % 2] : &root,
				.same_key_as = i ? &cas[g][0] : NULL });
			add(&cas[g][i]);
		}
	}
	char *all = strdup(text);
	text[0] = '\0';
	pki_make(&end, &(struct pki_want){ .names = { "a.example.org" }, .issuer = &cas[5][0] });
	add(&end);
	strcat(text, all);
	build();
	assert_int_equal(built.n, CATALOG_CHAINS_MAX);
	assert_chain(0, "CN=G5:f CN=G4:f CN=G3:f CN=G2:f CN=G1:f CN=G0:f", false);
	for (int g = 0; g < 6; g++)
		for (int i = 0; i < 4; i++)
			pki_clear(&cas[g][i]);
	pki_clear(&end);
	free(all);
}

static void a_namesake_that_signed_nothing_is_no_issuer(void **state)
{
	struct pki_cert namesake, with_ids, end;

	(void)state;
	pki_make(&namesake, &(struct pki_want){ .cn = "Middle 2", .ca = true, .issuer = &middle });
	add(&leaf), add(&namesake);
	build();
	assert_chain(0, "", false);
	assert_has(certs.warning, "1 certificate in it does not belong");
	pki_make(&with_ids, &(struct pki_want){ .cn = "Ids", .ca = true, .ids = true });
	pki_clear(&namesake);
	pki_make(&namesake, &(struct pki_want){ .cn = "Ids", .ca = true, .ids = true });
	pki_make(&end, &(struct pki_want){ .names = { "a.example.org" }, .ids = true, .issuer = &with_ids });
	text[0] = '\0';
	add(&end), add(&namesake);
	build();
	assert_chain(0, "", false);
	add(&with_ids);
	build();
	assert_chain(0, "", true);
	pki_clear(&namesake);
	pki_clear(&with_ids);
	pki_clear(&end);
}

/* The identifiers are as they should be, but somebody else signed: a store's word is not enough. */
static void what_is_not_in_the_file_must_have_signed(void **state)
{
	struct pki_cert real, end;

	(void)state;
	pki_make(&real, &(struct pki_want){ .cn = "Real", .ca = true, .ids = true, .issuer = &root });
	pki_make(&end, &(struct pki_want){ .names = { "a.example.org" }, .ids = true, .issuer = &real });
	gnutls_datum_t der = der_of(&end);
	der.data[der.size - 1] ^= 1;	/* in the signature */
	gnutls_x509_crt_t crt;
	assert_true(gnutls_x509_crt_init(&crt) >= 0);
	assert_true(gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER) >= 0);
	gnutls_free(der.data);
	struct pki_cert forged = { crt, NULL };
	add(&forged);
	add_to_store(&real);
	build();
	assert_chain(0, "", false);
	text[0] = '\0';
	add(&end);
	build();
	assert_chain(0, "CN=Real:s", false);
	gnutls_x509_crt_deinit(crt);
	pki_clear(&real);
	pki_clear(&end);
}

static void names_that_an_issuer_may_not_vouch_for_are_a_mismatch(void **state)
{
	struct pki_cert narrow, end;

	(void)state;
	pki_make(&narrow, &(struct pki_want){ .cn = "Narrow", .ca = true, .issuer = &root, .only_below = "example.net" });
	pki_make(&end, &(struct pki_want){ .names = { "a.example.org" }, .issuer = &narrow });
	add_to_store(&root);
	add(&end), add(&narrow);
	build();
	assert_chain(0, "CN=Narrow:f", true);
	assert_true(built.chains[0].flags & CATALOG_MISMATCHED);
	assert_has(certs.warning, "forbid its names");
	pki_clear(&end);
	pki_make(&end, &(struct pki_want){ .cn = "a.example.net", .issuer = &root });
	text[0] = '\0';
	add(&end);
	build();
	assert_true(built.chains[0].flags & CATALOG_MISMATCHED);
	pki_clear(&narrow);
	pki_clear(&end);
}

static void certificates_that_do_not_belong_are_left_out_with_a_warning(void **state)
{
	struct pki_cert stranger;

	(void)state;
	pki_make(&stranger, &(struct pki_want){ .cn = "Stranger", .ca = true, .issuer = &root });
	add(&leaf), add(&stranger), add(&middle2), add(&middle), add(&root);
	build();
	assert_chain(0, "CN=Middle 2:f CN=Middle:f", true);
	assert_has(certs.warning, "1 certificate in it does not belong");
	pki_clear(&stranger);
}

static void a_ladder_is_cut(void **state)
{
	struct pki_cert cas[CATALOG_CHAIN_MAX + 2], end;
	int n = CATALOG_CHAIN_MAX + 2;
	char cn[32];

	(void)state;
	for (int i = 0; i < n; i++) {
		snprintf(cn, sizeof cn, "CA %d", i);
		pki_make(&cas[i], &(struct pki_want){ .cn = cn, .ca = true, .issuer = i ? &cas[i - 1] : NULL });
	}
	pki_make(&end, &(struct pki_want){ .names = { "a.example.org" }, .issuer = &cas[n - 1] });
	add(&end);
	for (int i = 0; i < n; i++)
		add(&cas[i]);
	build();
	assert_int_equal(built.chains[0].links_n, CATALOG_LINKS_MAX);
	assert_has(certs.warning, "longer than 10");
	for (int i = 0; i < n; i++)
		pki_clear(&cas[i]);
	pki_clear(&end);
}

static void a_certificate_that_signed_itself_lacks_nothing(void **state)
{
	struct pki_cert own;

	(void)state;
	pki_make(&own, &(struct pki_want){ .names = { "a.example.org" } });
	add(&own);
	build();
	assert_chain(0, "", true);
	assert_string_equal(certs.warning, "");
	pki_clear(&own);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin_case, end_case)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_file_in_any_order_becomes_a_chain_without_its_root),
		CASE(a_root_that_the_store_knows_completes_and_is_not_sent),
		CASE(what_the_file_lacks_the_store_gives),
		CASE(a_gap_names_who_is_missing_and_where_to_get_it),
		CASE(cross_signed_authorities_give_alternatives),
		CASE(what_the_file_goes_on_with_is_sent_though_a_root_would_do),
		CASE(an_expired_link_gives_way_to_one_that_is_valid),
		CASE(the_order_of_sources_decides_between_equals),
		CASE(authorities_that_sign_each_other_end_a_chain),
		CASE(a_web_of_cross_signing_is_bounded),
		CASE(a_namesake_that_signed_nothing_is_no_issuer),
		CASE(what_is_not_in_the_file_must_have_signed),
		CASE(names_that_an_issuer_may_not_vouch_for_are_a_mismatch),
		CASE(certificates_that_do_not_belong_are_left_out_with_a_warning),
		CASE(a_ladder_is_cut),
		CASE(a_certificate_that_signed_itself_lacks_nothing),
	};
	return cmocka_run_group_tests_name("build", tests, make_all, clear_all);
}
