/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/librarian/links.c: whose issuers are to be fetched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "t/unit/pki_chain.h"
#include "workers/librarian/links.h"

#define URL "http://ca.example/issuer.cer"

static struct pki_cert root, middle, expired, leaf, sibling, unnamed;
static struct chain_cert *certs[6], *leaf_cert, *sibling_cert, *unnamed_cert, *middle_cert, *expired_cert;
static int certs_n;
static struct links links;
static int64_t now;

static struct chain_cert *chain_cert_of(const struct pki_cert *c)
{
	return certs[certs_n++] = pki_chain_cert(c);
}

static int make_all(void **state)
{
	(void)state;
	now = time(NULL);
	pki_make(&root, &(struct pki_want){ .cn = "Root", .ca = true });
	pki_make(&middle, &(struct pki_want){ .cn = "Middle", .ca = true, .issuer = &root, .url = "http://ca.example/root.cer" });
	pki_make(&expired, &(struct pki_want){ .cn = "Middle", .ca = true, .issuer = &root, .from_days = -20, .to_days = -10, .url = "http://ca.example/root.cer" });
	pki_make(&leaf, &(struct pki_want){ .names = { "a.example.org" }, .issuer = &middle, .url = URL });
	pki_make(&sibling, &(struct pki_want){ .names = { "b.example.org" }, .issuer = &middle, .url = URL });
	pki_make(&unnamed, &(struct pki_want){ .names = { "c.example.org" }, .issuer = &middle });
	middle_cert = chain_cert_of(&middle);
	expired_cert = chain_cert_of(&expired);
	leaf_cert = chain_cert_of(&leaf);
	sibling_cert = chain_cert_of(&sibling);
	unnamed_cert = chain_cert_of(&unnamed);
	return 0;
}

static int clear_all(void **state)
{
	struct pki_cert *all[] = { &root, &middle, &expired, &leaf, &sibling, &unnamed };

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		pki_clear(all[i]);
	while (certs_n > 0)
		chain_cert_unref(certs[--certs_n]);
	return 0;
}

static int end_case(void **state)
{
	(void)state;
	links_clear(&links);
	assert_int_equal(links.n, 0);
	return 0;
}

/* A chain of these, whose last one's issuer is missing (or not). */
static struct built chain(struct chain_cert *one, struct chain_cert *two, struct chain_cert *last)
{
	struct chain_cert *list[] = { one, two };
	struct built b = { .n = 1, .chains[0] = { .not_after = INT64_MAX, .missing = "", .last = last, .flags = last ? 0 : CATALOG_COMPLETE } };
	struct build_chain *c = &b.chains[0];

	for (int i = 0; i < 2 && list[i]; i++) {
		c->links[c->links_n++] = (struct build_link){ .der = list[i]->der, .name = "" };
		c->not_after = list[i]->not_after < c->not_after ? list[i]->not_after : c->not_after;
	}
	return b;
}

static void the_last_one_wants_its_issuer(void **state)
{
	struct built b = chain(NULL, NULL, leaf_cert);

	(void)state;
	assert_int_equal(links_add(&links, leaf_cert, &b, now), 0);
	assert_int_equal(links.n, 1);
	assert_ptr_equal(links.list[0], leaf_cert);
	b = chain(middle_cert, NULL, middle_cert);
	assert_int_equal(links_add(&links, leaf_cert, &b, now), 0);
	assert_int_equal(links.n, 2);
	assert_ptr_equal(links.list[1], middle_cert);
}

static void a_whole_chain_wants_nothing(void **state)
{
	struct built b = chain(middle_cert, NULL, NULL);

	(void)state;
	assert_int_equal(links_add(&links, leaf_cert, &b, now), 0);
	assert_int_equal(links.n, 0);
}

static void a_url_is_wanted_once_and_without_one_nothing_is(void **state)
{
	struct built b = chain(NULL, NULL, leaf_cert), s = chain(NULL, NULL, sibling_cert), u = chain(NULL, NULL, unnamed_cert);

	(void)state;
	links_add(&links, leaf_cert, &b, now);
	links_add(&links, sibling_cert, &s, now);
	links_add(&links, unnamed_cert, &u, now);
	assert_int_equal(links.n, 1);
	assert_ptr_equal(links.list[0], leaf_cert);
}

static void whoever_is_below_an_expired_link_wants_another(void **state)
{
	struct built first = chain(expired_cert, NULL, NULL), second = chain(middle_cert, expired_cert, NULL);

	(void)state;
	assert_int_equal(links_add(&links, leaf_cert, &first, now), 0);
	assert_int_equal(links.n, 1);
	assert_ptr_equal(links.list[0], leaf_cert);
	assert_int_equal(links_add(&links, leaf_cert, &second, now), 0);
	assert_int_equal(links.n, 2);
	assert_true(chain_cert_same(links.list[1], middle_cert));
	/* When all was valid still, nothing was wanted. */
	links_clear(&links);
	assert_int_equal(links_add(&links, leaf_cert, &first, expired_cert->not_after), 0);
	assert_int_equal(links.n, 0);
}

static void what_is_wanted_is_bounded(void **state)
{
	struct built b = chain(NULL, NULL, leaf_cert);

	(void)state;
	links.list = calloc(LINKS_MAX, sizeof *links.list);
	while (links.n < LINKS_MAX)
		links.list[links.n++] = chain_cert_ref(unnamed_cert);
	assert_int_equal(links_add(&links, leaf_cert, &b, now), 0);
	assert_int_equal(links.n, LINKS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_last_one_wants_its_issuer, end_case),
		cmocka_unit_test_teardown(a_whole_chain_wants_nothing, end_case),
		cmocka_unit_test_teardown(a_url_is_wanted_once_and_without_one_nothing_is, end_case),
		cmocka_unit_test_teardown(whoever_is_below_an_expired_link_wants_another, end_case),
		cmocka_unit_test_teardown(what_is_wanted_is_bounded, end_case),
	};
	return cmocka_run_group_tests_name("links", tests, make_all, clear_all);
}
