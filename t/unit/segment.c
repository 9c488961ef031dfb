/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/librarian/segment.c through the reader, common/catalog.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "common/log.h"
#include "workers/librarian/segment.h"

#define NOW 1000

/* A certificate of that text for one or two names. */
static int64_t add_stapled(struct segment *s, const char *text, enum catalog_key key, int64_t not_after,
	const char *name, const char *other, const struct segment_staple *staple)
{
	char *names[] = { (char *)(uintptr_t)name, (char *)(uintptr_t)other };
	struct certs c = { .key = key, .not_before = 1, .not_after = not_after, .der = { (const uint8_t *)text, strlen(text) },
		.names = names, .names_n = other ? 2 : 1 };

	struct built b = { .n = 1, .chains[0] = { .links_n = 1, .flags = CATALOG_COMPLETE, .missing = "",
		.links[0] = { { (const uint8_t *)"issuer", 6 }, "CN=issuer", 1u << CHAIN_FILE } } };
	memcpy(c.key_id, text, strlen(text) < KEY_ID_BYTES ? strlen(text) : KEY_ID_BYTES);
	return segment_add(s, &c, &b, staple, "/a.pem");
}

static int64_t add(struct segment *s, const char *text, enum catalog_key key, int64_t not_after,
	const char *name, const char *other)
{
	return add_stapled(s, text, key, not_after, name, other, NULL);
}

static int64_t serve(struct segment *s, const char *text, enum catalog_key key, int64_t not_after,
	const char *name, const char *other)
{
	int64_t number = add(s, text, key, not_after, name, other);

	assert_true(number >= 0);
	segment_serve(s, number);
	return number;
}

/* Takes the builder. */
static void load(struct catalog *c, struct segment *s, uint32_t names_wanted, uint32_t certificates_wanted)
{
	uint32_t names, certificates;
	int fd = segment_finish(s, 3, NOW, &names, &certificates);

	segment_free(s);
	assert_true(fd >= 0);
	assert_int_equal(names, names_wanted);
	assert_int_equal(certificates, certificates_wanted);
	catalog_init(c);
	assert_int_equal(catalog_load(c, 3, &fd, 1), 0);
}

/* texts: the leaves that are found for a name, in order, joined by spaces. */
static void assert_found(const struct catalog *c, const char *name, const char *texts)
{
	struct catalog_found f;
	char found[256] = "";
	size_t n = 0;

	catalog_find(c, name, &f);
	for (int i = 0; i < f.n; i++) {
		const struct catalog_entry *e = f.entries[i];
		n += (size_t)snprintf(found + n, sizeof found - n, "%s%.*s", i ? " " : "", (int)e->cert_size,
			(const char *)catalog_bytes(f.segment, e->cert_off, e->cert_size));
		assert_string_equal(catalog_source(f.segment, e), "/a.pem");
		assert_int_equal(e->chains_n, 1);
		const struct catalog_chain *chain = catalog_chain(f.segment, e, 0);
		assert_int_equal(chain->links_n, 1);
		assert_memory_equal(catalog_bytes(f.segment, chain->links[0].off, 6), "issuer", 6);
		assert_string_equal(catalog_text(f.segment, chain->links[0].name_off), "CN=issuer");
	}
	assert_string_equal(found, texts);
}

static void names_lead_to_what_was_added(void **state)
{
	struct segment *s = segment_new();
	struct catalog c;

	(void)state;
	serve(s, "one", CATALOG_RSA, NOW, "a.example.org", "*.example.net");
	serve(s, "two", CATALOG_RSA, NOW, "b.example.org", NULL);
	load(&c, s, 3, 2);
	assert_found(&c, "a.example.org", "one");
	assert_found(&c, "b.example.org", "two");
	assert_found(&c, "c.example.net", "one");
	assert_found(&c, "c.example.org", "");
	catalog_clear(&c);
}

static void valid_ones_come_first_then_the_order_of_files(void **state)
{
	struct segment *s = segment_new();
	struct catalog c;

	(void)state;
	serve(s, "expired", CATALOG_RSA, NOW - 1, "a.example.org", NULL);
	serve(s, "ec", CATALOG_ECDSA_P256, NOW, "a.example.org", NULL);
	serve(s, "rsa", CATALOG_RSA, NOW, "a.example.org", NULL);
	serve(s, "rsa2", CATALOG_RSA, NOW, "a.example.org", NULL);
	load(&c, s, 1, 4);
	assert_found(&c, "a.example.org", "ec rsa rsa2 expired");
	catalog_clear(&c);
}

static void what_is_not_served_leaves_no_name(void **state)
{
	struct segment *s = segment_new();
	struct catalog c;

	(void)state;
	add(s, "keyless", CATALOG_RSA, NOW, "a.example.org", "b.example.org");
	serve(s, "good", CATALOG_RSA, NOW, "a.example.org", NULL);
	load(&c, s, 1, 1);
	assert_found(&c, "a.example.org", "good");
	assert_found(&c, "b.example.org", "");
	catalog_clear(&c);
	load(&c, segment_new(), 0, 0);
	assert_found(&c, "a.example.org", "");
	catalog_clear(&c);
}

static void the_same_certificate_counts_once_for_a_name(void **state)
{
	struct segment *s = segment_new();
	struct catalog c;

	(void)state;
	serve(s, "one", CATALOG_RSA, NOW, "a.example.org", "a.example.org");
	serve(s, "one", CATALOG_RSA, NOW, "a.example.org", NULL);
	load(&c, s, 1, 2);
	assert_found(&c, "a.example.org", "one");
	catalog_clear(&c);
}

static void certificates_for_a_name_are_bounded(void **state)
{
	struct segment *s = segment_new();
	struct catalog c;

	(void)state;
	for (int i = 0; i < CATALOG_ENTRIES_MAX + 30; i++) {
		char text[16];
		snprintf(text, sizeof text, "c%d", i);
		serve(s, text, CATALOG_RSA, NOW, "a.example.org", NULL);
	}
	load(&c, s, 1, CATALOG_ENTRIES_MAX + 30);
	assert_found(&c, "a.example.org", "c0 c1 c2 c3 c4 c5 c6 c7");
	catalog_clear(&c);
}

static const uint8_t cert_id[CERT_ID_BYTES] = "certificate";

static const struct catalog_staple *staple_of(const struct catalog *c, const char *name, struct catalog_found *f)
{
	assert_true(catalog_find(c, name, f));
	return catalog_staple(f->segment, f->entries[0]);
}

static void a_staple_comes_with_its_certificate(void **state)
{
	struct segment *s = segment_new();
	struct segment_staple some = { cert_id, "http://ocsp/", true, 10, NOW + 10, { (const uint8_t *)"response", 8 } };
	struct segment_staple none = { cert_id, "http://ocsp/", false, 10, NOW + 10, { NULL, 0 } };
	struct catalog_found f;
	struct catalog c;

	(void)state;
	segment_serve(s, add_stapled(s, "one", CATALOG_RSA, NOW, "a.example.org", NULL, &some));
	segment_serve(s, add_stapled(s, "two", CATALOG_RSA, NOW, "b.example.org", NULL, &none));
	serve(s, "three", CATALOG_RSA, NOW, "c.example.org", NULL);
	load(&c, s, 3, 3);
	const struct catalog_staple *staple = staple_of(&c, "a.example.org", &f);
	assert_memory_equal(staple->cert_id, cert_id, sizeof cert_id);
	assert_int_equal(staple->size, 8);
	assert_memory_equal(catalog_bytes(f.segment, staple->off, 8), "response", 8);
	assert_int_equal(staple->from, 10);
	assert_int_equal(staple->until, NOW + 10);
	assert_int_equal(staple->flags, CATALOG_MUST_STAPLE);
	assert_true(catalog_has_staple(f.segment, f.entries[0], NOW));
	staple = staple_of(&c, "b.example.org", &f);
	assert_int_equal(staple->size, 0);
	assert_int_equal(staple->flags, 0);
	assert_string_equal(catalog_text(f.segment, staple->url_off), "http://ocsp/");
	assert_false(catalog_has_staple(f.segment, f.entries[0], NOW));
	assert_null(staple_of(&c, "c.example.org", &f));
	catalog_clear(&c);
}

static void a_staple_that_is_too_large_is_refused(void **state)
{
	static const uint8_t zeros[CATALOG_STAPLE_MAX + 1];
	struct segment_staple large = { cert_id, "", false, 10, NOW, { zeros, sizeof zeros } };
	struct segment *s = segment_new();

	(void)state;
	assert_int_equal(add_stapled(s, "one", CATALOG_RSA, NOW, "a.example.org", NULL, &large), -EFBIG);
	large.der.size--;
	assert_true(add_stapled(s, "one", CATALOG_RSA, NOW, "a.example.org", NULL, &large) >= 0);
	segment_free(s);
}

static void many_are_found_and_shared_bytes_are_stored_once(void **state)
{
	struct segment *s = segment_new();
	struct catalog c;
	char name[64], text[1024];
	uint32_t names, certificates;
	struct stat st;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		snprintf(text, sizeof text, "certificate %d", i);
		snprintf(name, sizeof name, "host%d.example.org", i);
		serve(s, text, CATALOG_RSA, NOW, name, NULL);
	}
	int fd = segment_finish(s, 1, NOW, &names, &certificates);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(st.st_size < 20000 * 360);
	segment_free(s);
	catalog_init(&c);
	assert_int_equal(catalog_load(&c, 1, &fd, 1), 0);
	for (int i = 0; i < 20000; i++) {
		snprintf(text, sizeof text, "certificate %d", i);
		snprintf(name, sizeof name, "host%d.example.org", i);
		assert_found(&c, name, text);
	}
	assert_found(&c, "host20000.example.org", "");
	catalog_clear(&c);
}

int main(void)
{
	log_init(2, "test", LOG_LEVEL_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_lead_to_what_was_added),
		cmocka_unit_test(valid_ones_come_first_then_the_order_of_files),
		cmocka_unit_test(what_is_not_served_leaves_no_name),
		cmocka_unit_test(the_same_certificate_counts_once_for_a_name),
		cmocka_unit_test(certificates_for_a_name_are_bounded),
		cmocka_unit_test(a_staple_comes_with_its_certificate),
		cmocka_unit_test(a_staple_that_is_too_large_is_refused),
		cmocka_unit_test(many_are_found_and_shared_bytes_are_stored_once),
	};
	return cmocka_run_group_tests_name("segment", tests, NULL, NULL);
}
