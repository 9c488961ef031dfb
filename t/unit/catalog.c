/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests common/catalog.c, also with segments that are damaged. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/chains.h"
#include "common/memfd.h"

/* A segment in the making: laid out by hand, so as to test the reader alone. */
struct image {
	_Alignas(8) uint8_t data[8192];
	uint32_t size;
};

static void image_begin(struct image *im, uint32_t slots_n)
{
	struct catalog_head head = { .magic = CATALOG_MAGIC, .generation = 1, .slots_n = slots_n,
		.slots_off = sizeof head };

	memset(im, 0, sizeof *im);
	memcpy(im->data, &head, sizeof head);
	im->size = (uint32_t)(sizeof head + slots_n * sizeof(struct catalog_slot));
}

static uint32_t put(struct image *im, const void *p, size_t n, uint32_t align)
{
	im->size = (im->size + align - 1) & ~(align - 1);
	assert_true(im->size + n <= sizeof im->data);
	memcpy(im->data + im->size, p, n);
	im->size += (uint32_t)n;
	return im->size - (uint32_t)n;
}

static struct catalog_slot *image_slot(struct image *im, const char *name)
{
	struct catalog_head *head = (void *)im->data;
	struct catalog_slot *slots = (void *)(im->data + head->slots_off);
	uint64_t hash = catalog_hash(name), i = hash;

	while (slots[i & (head->slots_n - 1)].hash)
		i++;
	head->names_n++;
	slots[i & (head->slots_n - 1)].hash = hash;
	return &slots[i & (head->slots_n - 1)];
}

/* A chain of one link, the text "cert" again, that comes from these sources. */
static uint32_t put_chain(struct image *im, const char *cert, uint32_t sources, uint32_t flags)
{
	struct catalog_chain chain = { .not_before = 1, .not_after = 1000, .flags = flags, .links_n = 1 };
	struct catalog_link link = { .size = (uint32_t)strlen(cert), .sources = sources };

	link.off = put(im, cert, strlen(cert), 1);
	link.name_off = put(im, "CN=Issuer", sizeof "CN=Issuer", 1);
	chain.missing_off = put(im, flags & CATALOG_COMPLETE ? "" : "CN=Top", flags & CATALOG_COMPLETE ? 1 : 7, 1);
	chain.url_off = put(im, "http://top/", sizeof "http://top/", 1);
	uint32_t at = put(im, &chain, sizeof chain, 8);
	assert_int_equal(put(im, &link, sizeof link, 1), at + sizeof chain);
	return at;
}

static uint32_t put_staple(struct image *im)
{
	struct catalog_staple staple = { .from = 1, .until = 1000, .size = 6, .flags = CATALOG_MUST_STAPLE };

	staple.off = put(im, "STAPLE", 6, 1);
	staple.url_off = put(im, "http://ocsp/", sizeof "http://ocsp/", 1);
	return put(im, &staple, sizeof staple, 8);
}

/* certs_n entries whose one certificate is the text "cert". */
static void image_name(struct image *im, const char *name, const char *cert, uint32_t certs_n)
{
	struct catalog_slot *slot = image_slot(im, name);
	uint32_t list[1 + CATALOG_ENTRIES_MAX] = { certs_n };

	for (uint32_t i = 1; i <= certs_n; i++) {
		struct catalog_entry e = { .key = CATALOG_RSA, .chains_n = 2, .cert_size = (uint32_t)strlen(cert),
			.not_before = 1, .not_after = 1000 };
		e.cert_off = put(im, cert, strlen(cert), 1);
		e.chain_off[0] = put_chain(im, cert, 1u << CHAIN_FILE, CATALOG_COMPLETE);
		e.chain_off[1] = put_chain(im, cert, 1u << CHAIN_STORE, 0);
		e.staple_off = i == 1 ? put_staple(im) : 0;
		e.name_off = put(im, name, strlen(name) + 1, 1);
		e.source_off = put(im, "/a.pem", sizeof "/a.pem", 1);
		list[i] = put(im, &e, sizeof e, 8);
	}
	slot->name_off = put(im, name, strlen(name) + 1, 1);
	slot->entries_off = put(im, list, (1 + certs_n) * sizeof *list, 4);
}

static int image_fd(struct image *im, bool seal)
{
	((struct catalog_head *)(void *)im->data)->size = im->size;
	int fd = memfd_new("segment", im->size);
	assert_true(fd >= 0);
	assert_int_equal(memfd_write(fd, 0, im->data, im->size), 0);
	if (seal)
		assert_int_equal(memfd_seal_all(fd), 0);
	return fd;
}

static void assert_finds(const struct catalog *c, const char *name, const char *cert)
{
	struct catalog_found f;

	if (!cert) {
		assert_false(catalog_find(c, name, &f));
		assert_int_equal(f.n, 0);
		return;
	}
	assert_true(catalog_find(c, name, &f));
	const struct catalog_entry *e = f.entries[0];
	assert_int_equal(e->cert_size, strlen(cert));
	assert_memory_equal(catalog_bytes(f.segment, e->cert_off, e->cert_size), cert, strlen(cert));
	assert_string_equal(catalog_source(f.segment, e), "/a.pem");
}

static void names_are_found_exactly_and_by_one_label_of_wildcard(void **state)
{
	struct image im;
	struct catalog c;
	struct catalog_found f;

	(void)state;
	image_begin(&im, 8);
	image_name(&im, "a.example.org", "A", 3);
	image_name(&im, "*.example.org", "W", 1);
	catalog_init(&c);
	assert_finds(&c, "a.example.org", NULL);
	assert_int_equal(catalog_load(&c, 7, (int[]){ image_fd(&im, true) }, 1), 0);
	assert_int_equal(c.generation, 7);
	assert_finds(&c, "a.example.org", "A");
	assert_true(catalog_find(&c, "a.example.org", &f));
	assert_int_equal(f.n, 3);
	assert_finds(&c, "b.example.org", "W");
	assert_finds(&c, "x.b.example.org", NULL);
	assert_finds(&c, "example.org", NULL);
	assert_finds(&c, "*.example.org", NULL);
	assert_finds(&c, "org", NULL);
	assert_finds(&c, "", NULL);
	catalog_clear(&c);
}

static void newer_segments_win_but_an_exact_name_beats_any_wildcard(void **state)
{
	struct image newer, older;
	struct catalog c;

	(void)state;
	image_begin(&older, 16);
	image_name(&older, "a.example.org", "old", 1);
	image_name(&older, "b.example.org", "old", 1);
	image_name(&older, "gone.example.org", "old", 1);
	image_name(&older, "gone.example.net", "old", 1);
	image_name(&older, "*.example.com", "old", 1);
	image_begin(&newer, 16);
	image_name(&newer, "*.example.org", "wild", 1);
	image_name(&newer, "b.example.org", "new", 1);
	image_name(&newer, "gone.example.org", "", 0);
	image_name(&newer, "gone.example.net", "", 0);
	image_name(&newer, "*.example.com", "", 0);
	catalog_init(&c);
	assert_int_equal(catalog_load(&c, 2, (int[]){ image_fd(&newer, true), image_fd(&older, true) }, 2), 0);
	assert_finds(&c, "a.example.org", "old");
	assert_finds(&c, "b.example.org", "new");
	assert_finds(&c, "c.example.org", "wild");
	assert_finds(&c, "gone.example.org", "wild");
	assert_finds(&c, "gone.example.net", NULL);
	assert_finds(&c, "a.example.com", NULL);
	catalog_clear(&c);
}

static void a_staple_may_be_served_until_its_time_is_over(void **state)
{
	struct catalog c;
	struct catalog_found f;
	struct image im;

	(void)state;
	image_begin(&im, 2);
	image_name(&im, "a.example.org", "A", 2);
	catalog_init(&c);
	assert_int_equal(catalog_load(&c, 1, (int[]){ image_fd(&im, true) }, 1), 0);
	assert_true(catalog_find(&c, "a.example.org", &f));
	const struct catalog_staple *s = catalog_staple(f.segment, f.entries[0]);
	assert_memory_equal(catalog_bytes(f.segment, s->off, s->size), "STAPLE", 6);
	assert_string_equal(catalog_text(f.segment, s->url_off), "http://ocsp/");
	assert_int_equal(s->flags, CATALOG_MUST_STAPLE);
	assert_true(catalog_has_staple(f.segment, f.entries[0], 999));
	assert_false(catalog_has_staple(f.segment, f.entries[0], 1000));
	assert_null(catalog_staple(f.segment, f.entries[1]));
	assert_false(catalog_has_staple(f.segment, f.entries[1], 999));
	catalog_clear(&c);
}

static void a_reference_outlives_the_swap(void **state)
{
	struct image im;
	struct catalog c;
	struct catalog_found f;

	(void)state;
	image_begin(&im, 2);
	image_name(&im, "a.example.org", "one", 1);
	catalog_init(&c);
	assert_int_equal(catalog_load(&c, 1, (int[]){ image_fd(&im, true) }, 1), 0);
	assert_true(catalog_find(&c, "a.example.org", &f));
	catalog_ref(f.segment);
	image_begin(&im, 2);
	image_name(&im, "a.example.org", "two", 1);
	assert_int_equal(catalog_load(&c, 2, (int[]){ image_fd(&im, true) }, 1), 0);
	assert_finds(&c, "a.example.org", "two");
	assert_memory_equal(catalog_bytes(f.segment, f.entries[0]->cert_off, 3), "one", 3);
	catalog_unref(f.segment);
	catalog_clear(&c);
}

static void what_is_not_sealed_or_not_whole_is_refused_and_changes_nothing(void **state)
{
	struct image im;
	struct catalog c;

	(void)state;
	image_begin(&im, 2);
	image_name(&im, "a.example.org", "A", 1);
	catalog_init(&c);
	assert_int_equal(catalog_load(&c, 1, (int[]){ image_fd(&im, true) }, 1), 0);
	assert_int_equal(catalog_load(&c, 2, (int[]){ image_fd(&im, false) }, 1), -EPERM);
	assert_int_equal(catalog_load(&c, 2, (int[]){ memfd_new("empty", 0) }, 1), -EPERM);
	image_begin(&im, 2);
	image_name(&im, "A.example.org", "A", 1);
	assert_int_equal(catalog_load(&c, 2, (int[]){ image_fd(&im, true) }, 1), -EINVAL);
	image_begin(&im, 2);
	image_name(&im, "a.example.org", "A", 1);
	image_name(&im, "b.example.org", "A", 1);
	assert_int_equal(catalog_load(&c, 2, (int[]){ image_fd(&im, true) }, 1), -EINVAL);
	assert_int_equal(c.generation, 1);
	assert_finds(&c, "a.example.org", "A");
	catalog_clear(&c);
}

static unsigned sum_of(const struct catalog_segment *s, uint32_t off, uint32_t size)
{
	const uint8_t *p = catalog_bytes(s, off, size);
	unsigned sum = 0;

	for (uint32_t i = 0; i < size; i++)
		sum += p[i];
	return sum;
}

static unsigned use_chain(const struct catalog_segment *s, const struct catalog_chain *c)
{
	unsigned sum = (unsigned)(strlen(catalog_text(s, c->missing_off)) + strlen(catalog_text(s, c->url_off)));

	for (uint32_t i = 0; i < c->links_n; i++)
		sum += sum_of(s, c->links[i].off, c->links[i].size) + (unsigned)strlen(catalog_text(s, c->links[i].name_off));
	return sum;
}

static unsigned use_staple(const struct catalog_segment *s, const struct catalog_entry *e)
{
	const struct catalog_staple *staple = catalog_staple(s, e);

	if (!staple)
		return 0;
	return (unsigned)strlen(catalog_text(s, staple->url_off)) + (staple->size > 0 ? sum_of(s, staple->off, staple->size) : 0);
}

/* Uses all that a look-up gives, as a worker would. */
static unsigned use(const struct catalog *c, const char *name)
{
	struct catalog_found f;
	unsigned sum = 0;

	catalog_find(c, name, &f);
	for (int i = 0; i < f.n; i++) {
		const struct catalog_entry *e = f.entries[i];
		sum += sum_of(f.segment, e->cert_off, e->cert_size);
		sum += sum_of(f.segment, e->cert_off + e->spki_at, e->spki_size);
		for (uint32_t k = 0; k < e->chains_n; k++)
			sum += use_chain(f.segment, catalog_chain(f.segment, e, k));
		sum += (unsigned)strlen(catalog_text(f.segment, e->name_off));
		sum += use_staple(f.segment, e);
		sum += (unsigned)strlen(catalog_source(f.segment, e));
	}
	return sum;
}

/* All names, each with its certificate in front, "name=CERT " for each, in any order. */
static size_t walk(const struct catalog *c, char *out, size_t size)
{
	struct catalog_found f;
	const char *name;
	size_t n = 0;

	for (int s = 0; s < c->n; s++) {
		for (uint32_t i = 0; i < catalog_slots(c, s); i++) {
			if (!catalog_slot(c, s, i, &name, &f))
				continue;
			const struct catalog_entry *e = f.entries[0];
			n += (size_t)snprintf(out + n, size - n, "%s=%.*s ", name, (int)e->cert_size,
				(const char *)catalog_bytes(f.segment, e->cert_off, e->cert_size));
			assert_true(n < size);
		}
	}
	return n;
}

static void a_walk_gives_each_name_once_as_a_look_up_would(void **state)
{
	struct image newer, older;
	struct catalog c;
	char all[1024];

	(void)state;
	image_begin(&older, 16);
	image_name(&older, "a.example.org", "OLD", 1);
	image_name(&older, "b.example.org", "B", 2);
	image_name(&older, "gone.example.org", "GONE", 1);
	image_begin(&newer, 16);
	image_name(&newer, "a.example.org", "NEW", 1);
	image_name(&newer, "gone.example.org", "", 0);
	image_name(&newer, "*.example.net", "W", 1);
	catalog_init(&c);
	assert_int_equal(catalog_open(&c, 3, (int[]){ image_fd(&newer, true), image_fd(&older, true) }, 2), 0);
	walk(&c, all, sizeof all);
	assert_int_equal(strlen(all), strlen("a.example.org=NEW b.example.org=B *.example.net=W "));
	assert_non_null(strstr(all, "a.example.org=NEW "));
	assert_non_null(strstr(all, "b.example.org=B "));
	assert_non_null(strstr(all, "*.example.net=W "));
	assert_finds(&c, "b.example.org", "B");
	assert_finds(&c, "gone.example.org", NULL);
	catalog_clear(&c);
}

static void try_damaged_when_looked_at(struct image *damaged)
{
	char all[4096];
	struct catalog c;
	int fd = memfd_new("segment", damaged->size);

	assert_int_equal(memfd_write(fd, 0, damaged->data, damaged->size), 0);
	assert_int_equal(memfd_seal_all(fd), 0);
	catalog_init(&c);
	if (catalog_open(&c, 1, &fd, 1) == 0) {
		walk(&c, all, sizeof all);
		use(&c, "a.example.org");
		use(&c, "b.example.org");
	}
	catalog_clear(&c);
}

static void try_damaged(const struct image *im, uint32_t at, uint8_t value)
{
	struct catalog c;
	struct image damaged = *im;
	uint8_t *exact = malloc(im->size);

	damaged.data[at] = value;
	memcpy(exact, damaged.data, im->size);
	int rc = catalog_check(exact, im->size);	/* the heap's edge shows to a sanitizer */
	free(exact);
	int fd = memfd_new("segment", im->size);
	assert_int_equal(memfd_write(fd, 0, damaged.data, im->size), 0);
	assert_int_equal(memfd_seal_all(fd), 0);
	catalog_init(&c);
	assert_int_equal(catalog_load(&c, 1, &fd, 1), rc);
	use(&c, "a.example.org");
	use(&c, "b.example.org");
	use(&c, "c.example.net");
	catalog_clear(&c);
	try_damaged_when_looked_at(&damaged);
}

static void no_damaged_byte_leads_out_of_a_segment(void **state)
{
	static const uint8_t flips[] = { 0xff, 0x01, 0x80 };
	struct image im;

	(void)state;
	image_begin(&im, 4);
	image_name(&im, "a.example.org", "AAAA", 2);
	image_name(&im, "*.example.org", "WWWW", 1);
	((struct catalog_head *)(void *)im.data)->size = im.size;
	for (uint32_t at = 0; at < im.size; at++) {
		for (size_t i = 0; i < sizeof flips; i++)
			try_damaged(&im, at, im.data[at] ^ flips[i]);
		try_damaged(&im, at, (uint8_t)random());
	}
}

static void no_truncated_segment_is_taken(void **state)
{
	struct image im;

	(void)state;
	image_begin(&im, 2);
	image_name(&im, "a.example.org", "A", 1);
	struct catalog_head *head = (void *)im.data;
	for (uint32_t size = 0; size < im.size; size++) {
		uint8_t *exact = malloc(size + !size);
		head->size = size;
		memcpy(exact, im.data, size);
		assert_int_equal(catalog_check(exact, size), -EINVAL);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found_exactly_and_by_one_label_of_wildcard),
		cmocka_unit_test(newer_segments_win_but_an_exact_name_beats_any_wildcard),
		cmocka_unit_test(a_staple_may_be_served_until_its_time_is_over),
		cmocka_unit_test(a_reference_outlives_the_swap),
		cmocka_unit_test(what_is_not_sealed_or_not_whole_is_refused_and_changes_nothing),
		cmocka_unit_test(a_walk_gives_each_name_once_as_a_look_up_would),
		cmocka_unit_test(no_damaged_byte_leads_out_of_a_segment),
		cmocka_unit_test(no_truncated_segment_is_taken),
	};
	return cmocka_run_group_tests_name("catalog", tests, NULL, NULL);
}
