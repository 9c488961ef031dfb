/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests workers/librarian/change.c with stock.c and segment.c: after any
 * sequence of changes every name leads to what a catalog that is made of
 * everything at once leads to.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/log.h"
#include "workers/librarian/change.h"

#define NOW 1000
#define FILES 40		/* in the model */
#define NAMES 12

/* What a file holds, for the model: version 0 is none. */
struct model {
	unsigned version[FILES];
	bool stapled[FILES];
};

/* The names of a file: three of a few, which depend on its version. */
static uint32_t names_of(unsigned file, unsigned version, char names[3][32])
{
	for (unsigned k = 0; k < 3; k++)
		snprintf(names[k], 32, "%sn%u.example.org", (file + k) % 5 == 0 ? "*." : "", (file * 7 + version * (k + 1)) % NAMES);
	return 3;
}

static void add(struct change *c, unsigned file, unsigned version, bool stapled)
{
	char text[32], source[32], names[3][32];
	char *list[3] = { names[0], names[1], names[2] };
	struct certs certs = { .key = file % 3 ? CATALOG_RSA : CATALOG_ECDSA_P256, .not_before = 1,
		.not_after = file % 4 ? NOW : NOW - 1, .names = list };
	struct built b = { .n = 1, .chains[0] = { .links_n = 1, .flags = CATALOG_COMPLETE, .missing = "",
		.links[0] = { { (const uint8_t *)"issuer", 6 }, "CN=issuer", 1u << CHAIN_FILE } } };
	struct segment_staple staple = { .cert_id = (const uint8_t *)"0123456789abcdef0123456789abcdef", .url = "http://ocsp/",
		.until = NOW, .der = { (const uint8_t *)"staple", 6 } };

	certs.names_n = names_of(file, version, names);
	snprintf(text, sizeof text, "f%uv%u", file, version);
	snprintf(source, sizeof source, "/%02u.pem", file);
	certs.der = (struct bytes){ (const uint8_t *)text, strlen(text) };
	struct held *held = held_new(file, file / 20, list, certs.names_n, NULL, 0);
	assert_non_null(held);
	int64_t number = change_add(c, held, &certs, &b, stapled ? &staple : NULL, source);
	assert_true(number >= 0);
	change_serve(c, number);
}

/* Takes both. */
static struct stock *make(struct change *c, struct stock *base)
{
	struct stock *next = change_make(c, 1, NOW);

	assert_non_null(next);
	change_free(c);
	stock_unref(base);
	assert_true(next->catalog.n <= CHANGE_SEGMENTS);
	return next;
}

/* As the workers take it: over the channel's descriptors, checked whole. */
static void take(struct catalog *c, const struct stock *s)
{
	int fds[CATALOG_SEGMENTS_MAX];

	for (int i = 0; i < s->catalog.n; i++)
		fds[i] = dup(s->fds[i]);
	assert_int_equal(catalog_load(c, 1, fds, s->catalog.n), 0);
}

static void describe(const struct catalog *c, const char *name, char *out, size_t size)
{
	struct catalog_found f;
	size_t n = 0;

	out[0] = '\0';
	catalog_find(c, name, &f);
	for (int i = 0; i < f.n; i++) {
		const struct catalog_entry *e = f.entries[i];
		n += (size_t)snprintf(out + n, size - n, "%.*s%s@%s ", (int)e->cert_size,
			(const char *)catalog_bytes(f.segment, e->cert_off, e->cert_size),
			catalog_has_staple(f.segment, e, NOW - 1) ? "+staple" : "", catalog_source(f.segment, e));
		assert_string_equal(catalog_text(f.segment, catalog_chain(f.segment, e, 0)->links[0].name_off), "CN=issuer");
	}
}

static void assert_same_answers(const struct catalog *a, const struct catalog *b)
{
	char name[32], x[1024], y[1024];

	for (unsigned i = 0; i < NAMES; i++)
		for (int wild = 0; wild < 2; wild++) {
			snprintf(name, sizeof name, "%sn%u.example.org", wild ? "any." : "", i);
			describe(a, name, x, sizeof x);
			describe(b, name, y, sizeof y);
			assert_string_equal(x, y);
		}
}

static struct stock *all_at_once(const struct model *m)
{
	struct change *c = change_new(NULL);

	for (unsigned i = 0; i < FILES; i++)
		if (m->version[i])
			add(c, i, m->version[i], m->stapled[i]);
	return make(c, NULL);
}

static void change_one(struct change *c, struct model *m, unsigned file, unsigned what)
{
	if (m->version[file])
		change_drop_file(c, file);
	m->stapled[file] = false;
	m->version[file] = what % 3 == 0 ? 0 : m->version[file] + 1;
	if (m->version[file])
		add(c, file, m->version[file], false);
}

static void staple_one(struct change *c, const struct stock *s, struct model *m, unsigned file)
{
	struct segment_staple staple = { .cert_id = (const uint8_t *)"0123456789abcdef0123456789abcdef", .url = "http://ocsp/",
		.until = NOW, .der = { (const uint8_t *)"staple", 6 } };

	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].held->file == file) {
			assert_int_equal(change_staple(c, i, &staple), 0);
			m->stapled[file] = true;
		}
}

static void any_sequence_of_changes_gives_what_all_at_once_gives(void **state)
{
	struct model m = { .version = { 0 } };
	struct catalog in_steps, at_once;

	(void)state;
	srand(7);
	for (unsigned i = 0; i < FILES; i += 2)
		m.version[i] = 1;
	struct stock *s = all_at_once(&m);
	catalog_init(&in_steps);
	catalog_init(&at_once);
	for (int step = 0; step < 300; step++) {
		struct change *c = change_new(s);
		unsigned file = (unsigned)rand() % FILES;
		if (rand() % 3 == 0)
			staple_one(c, s, &m, file);
		else
			change_one(c, &m, file, (unsigned)rand());
		if (rand() % 4 == 0)
			change_one(c, &m, (file + 1) % FILES, (unsigned)rand());
		s = make(c, s);
		struct stock *whole = all_at_once(&m);
		take(&in_steps, s);
		take(&at_once, whole);
		assert_int_equal(s->n, whole->n);
		assert_int_equal(s->names_n, whole->names_n);
		assert_same_answers(&in_steps, &at_once);
		stock_unref(whole);
	}
	catalog_clear(&in_steps);
	catalog_clear(&at_once);
	stock_unref(s);
}

static void a_small_change_is_a_small_segment_and_leaves_the_others_as_they_are(void **state)
{
	struct change *c = change_new(NULL);
	struct catalog before, after;
	struct stat st;

	(void)state;
	catalog_init(&before);
	for (unsigned i = 0; i < 5000; i++) {
		char text[32], name[32], *names[] = { name };
		struct certs certs = { .not_before = 1, .not_after = NOW, .names = names, .names_n = 1 };
		struct built b = { .n = 1, .chains[0] = { .missing = "" } };
		snprintf(text, sizeof text, "cert %u", i);
		snprintf(name, sizeof name, "h%u.example.org", i);
		certs.der = (struct bytes){ (const uint8_t *)text, strlen(text) };
		int64_t n = change_add(c, held_new(i, 0, names, 1, NULL, 0), &certs, &b, NULL, "/a.pem");
		assert_true(n >= 0);
		change_serve(c, n);
	}
	struct stock *s = make(c, NULL);
	take(&before, s);
	c = change_new(s);
	change_drop_file(c, 77);
	add(c, 5000, 1, false);
	s = make(c, s);
	assert_int_equal(s->catalog.n, 2);
	assert_int_equal(s->n, 5000);
	assert_int_equal(fstat(s->fds[0], &st), 0);
	assert_true(st.st_size < 4096);
	catalog_init(&after);
	catalog_share(&after, &before);
	take(&after, s);
	assert_ptr_equal(after.segments[1], before.segments[0]);
	struct catalog_found f;
	assert_false(catalog_find(&after, "h77.example.org", &f));
	assert_true(catalog_find(&after, "h78.example.org", &f));
	catalog_clear(&before);
	catalog_clear(&after);
	stock_unref(s);
}

static void a_change_of_nothing_is_the_same_stock(void **state)
{
	struct model m = { .version = { 1, 1, 1 } };
	struct stock *s = all_at_once(&m);
	struct change *c = change_new(s);

	(void)state;
	change_drop_file(c, 1000);
	assert_true(change_is_empty(c));
	struct stock *same = change_make(c, 2, NOW);
	assert_ptr_equal(same, s);
	change_free(c);
	stock_unref(same);
	stock_unref(s);
}

int main(void)
{
	log_init(2, "test", LOG_LEVEL_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_sequence_of_changes_gives_what_all_at_once_gives),
		cmocka_unit_test(a_small_change_is_a_small_segment_and_leaves_the_others_as_they_are),
		cmocka_unit_test(a_change_of_nothing_is_the_same_stock),
	};
	return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}
