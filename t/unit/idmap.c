/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests common/idmap.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/idmap.h"

struct thing { uint8_t id[CERT_ID_BYTES]; bool there; };

/* Few places to be at home in, so that they stand in each other's way. */
static void fill(struct thing *t, size_t i)
{
	memset(t, 0, sizeof *t);
	t->id[0] = (uint8_t)(i % 7);
	t->id[31] = (uint8_t)i;
	t->id[30] = (uint8_t)(i >> 8);
}

static void what_is_in_it_is_found_and_nothing_else(void **state)
{
	enum { N = 500 };
	static struct thing things[N];
	struct idmap m = { .slots = NULL };
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < N; i++)
		fill(&things[i], i);
	assert_null(idmap_get(&m, things[0].id));
	idmap_remove(&m, things[0].id);
	for (int step = 0; step < 20000; step++) {
		struct thing *t = &things[random() % N];
		assert_ptr_equal(idmap_get(&m, t->id), t->there ? t : NULL);
		if (t->there)
			idmap_remove(&m, t->id);
		else
			assert_int_equal(idmap_add(&m, t->id, t), 0);
		t->there = !t->there;
		n += t->there ? 1 : (size_t)-1;
		assert_int_equal(m.n, n);
	}
	for (size_t i = 0; i < N; i++)
		assert_ptr_equal(idmap_get(&m, things[i].id), things[i].there ? &things[i] : NULL);
	size_t at = 0, seen = 0;
	for (struct thing *t; (t = idmap_next(&m, &at)) != NULL; seen++)
		assert_true(t->there);
	assert_int_equal(seen, n);
	idmap_clear(&m);
	assert_null(idmap_get(&m, things[0].id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_it_is_found_and_nothing_else),
	};
	return cmocka_run_group_tests_name("idmap", tests, NULL, NULL);
}
