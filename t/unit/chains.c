/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests common/chains.c, on segments that the librarian's builder makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/chains.h"
#include "workers/librarian/segment.h"

#define NOW 1000
#define FILE_ (1u << CHAIN_FILE)
#define STORE (1u << CHAIN_STORE)
#define AIA (1u << CHAIN_AIA)

static struct catalog catalog;
static struct chain_choice choice;

/* Adds a link "CN=name" of these sources to a chain. */
static void link_to(struct build_chain *c, const char *name, uint32_t sources)
{
	c->links[c->links_n++] = (struct build_link){ { (const uint8_t *)name, strlen(name) }, name, sources };
}

static struct build_chain *add_chain(struct built *b, uint32_t flags)
{
	struct build_chain *c = &b->chains[b->n++];

	*c = (struct build_chain){ .not_before = 1, .not_after = 100 * 86400, .flags = flags,
		.missing = flags & CATALOG_COMPLETE ? "" : "CN=Missing" };
	if (!(flags & CATALOG_COMPLETE))
		strcpy(c->url, "http://ca.example/");
	return c;
}

/* One certificate with these chains; what is chosen of them. */
static void choose(const struct built *b, const char *sources)
{
	char name[] = "a.example.org", *names[] = { name };
	struct certs c = { .not_before = 1, .not_after = 100 * 86400, .der = { (const uint8_t *)"leaf", 4 }, .names = names, .names_n = 1 };
	struct segment *s = segment_new();
	struct chain_order o = { .n = 0 };
	struct catalog_found f;
	uint32_t n;

	for (; *sources; sources++)
		chain_order_add(&o, *sources == 'f' ? CHAIN_FILE : *sources == 's' ? CHAIN_STORE : CHAIN_AIA);
	segment_serve(s, segment_add(s, &c, b, NULL, "/a.pem"));
	int fd = segment_finish(s, 1, NOW, &n, &n);
	segment_free(s);
	assert_true(fd >= 0);
	assert_int_equal(catalog_load(&catalog, 1, &fd, 1), 0);
	assert_true(catalog_find(&catalog, name, &f));
	chain_choose(f.segment, f.entries[0], &o, NOW, &choice);
}

static void assert_links(const struct built *b, const char *sources, const char *links, bool whole)
{
	char have[256] = "";
	size_t n = 0;

	choose(b, sources);
	const struct catalog_segment *s = catalog.segments[0];
	for (uint32_t i = 0; i < choice.links_n; i++)
		n += (size_t)snprintf(have + n, sizeof have - n, "%s%s", i ? " " : "", catalog_text(s, choice.chain->links[i].name_off));
	assert_string_equal(have, links);
	assert_int_equal(choice.whole, whole);
}

static void a_chain_is_cut_where_no_named_source_has_a_link(void **state)
{
	struct built b = { .n = 0 };
	struct build_chain *c = add_chain(&b, CATALOG_COMPLETE);

	(void)state;
	link_to(c, "one", FILE_ | STORE), link_to(c, "two", AIA), link_to(c, "three", FILE_);
	assert_links(&b, "fsa", "one two three", true);
	assert_int_equal(choice.state, CHAIN_COMPLETE);
	assert_string_equal(choice.missing, "");
	assert_links(&b, "sf", "one", false);
	assert_int_equal(choice.state, CHAIN_INCOMPLETE);
	assert_string_equal(choice.missing, "two");
	assert_string_equal(choice.url, "");
	assert_links(&b, "s", "one", false);
	assert_links(&b, "a", "", false);
	assert_string_equal(choice.missing, "one");
	assert_links(&b, "", "", false);
}

static void of_several_the_order_chooses_among_the_good(void **state)
{
	struct built b = { .n = 0 };
	struct build_chain *c = add_chain(&b, CATALOG_COMPLETE);

	(void)state;
	link_to(c, "file", FILE_);
	c = add_chain(&b, CATALOG_COMPLETE);
	link_to(c, "store", STORE);
	c = add_chain(&b, 0);
	link_to(c, "fetched", AIA);
	assert_links(&b, "fs", "file", true);
	assert_links(&b, "sf", "store", true);
	assert_links(&b, "asf", "store", true);
	assert_links(&b, "a", "fetched", false);
	assert_string_equal(choice.missing, "CN=Missing");
	assert_string_equal(choice.url, "http://ca.example/");
	b.chains[1].not_after = NOW - 1;
	assert_links(&b, "sf", "file", true);
	assert_links(&b, "s", "store", true);
	assert_int_equal(choice.state, CHAIN_EXPIRED);
	b.chains[0].flags |= CATALOG_MISMATCHED;
	assert_links(&b, "f", "file", true);
	assert_int_equal(choice.state, CHAIN_MISMATCHED);
	assert_links(&b, "fa", "fetched", false);
}

static void the_states_are_told_apart(void **state)
{
	struct built b = { .n = 0 };
	struct build_chain *c = add_chain(&b, CATALOG_COMPLETE);

	(void)state;
	link_to(c, "one", FILE_);
	choose(&b, "f");
	assert_int_equal(choice.state, CHAIN_COMPLETE);
	c->not_after = NOW + CHAIN_EXPIRING_S - 1;
	choose(&b, "f");
	assert_int_equal(choice.state, CHAIN_EXPIRING);
	assert_int_equal(choice.not_after, c->not_after);
	c->not_after = NOW;
	choose(&b, "f");
	assert_int_equal(choice.state, CHAIN_EXPIRING);
	c->not_after = NOW - 1;
	choose(&b, "f");
	assert_int_equal(choice.state, CHAIN_EXPIRED);
	c->not_after = 100 * 86400;
	c->not_before = NOW + 1;
	choose(&b, "f");
	assert_int_equal(choice.state, CHAIN_NOT_YET);
}

static void sources_have_names_and_orders_have_each_once(void **state)
{
	const uint8_t bytes[] = { CHAIN_STORE, 200, CHAIN_FILE, CHAIN_STORE };
	struct chain_order o = chain_order_from_bytes((struct bytes){ bytes, sizeof bytes });
	char text[64];

	(void)state;
	chain_order_text(&o, text, sizeof text);
	assert_string_equal(text, "store, file");
	chain_order_text(&o, text, 4);
	assert_string_equal(text, "sto");
	assert_false(chain_order_add(&o, CHAIN_FILE));
	assert_int_equal(chain_order_rank(&o, FILE_ | AIA), 1);
	assert_int_equal(chain_order_rank(&o, AIA), -1);
	for (enum chain_source s = 0; s < CHAIN_SOURCE_COUNT; s++)
		assert_int_equal(chain_source_by_name(chain_source_name(s)), s);
	assert_int_equal(chain_source_by_name("ftp"), CHAIN_SOURCE_COUNT);
}

static int end_case(void **state)
{
	(void)state;
	catalog_clear(&catalog);
	return 0;
}

#define CASE(f) cmocka_unit_test_teardown(f, end_case)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_chain_is_cut_where_no_named_source_has_a_link),
		CASE(of_several_the_order_chooses_among_the_good),
		CASE(the_states_are_told_apart),
		CASE(sources_have_names_and_orders_have_each_once),
	};
	return cmocka_run_group_tests_name("chains", tests, NULL, NULL);
}
