/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/worker/x25519.c: the multiplication that stands in for nettle's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <nettle/curve25519.h>

#include "workers/worker/x25519.h"

#define SIZE CURVE25519_SIZE

static void from_hex(uint8_t out[SIZE], const char *hex)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < SIZE; i++)
		out[i] = (uint8_t)((strchr(digits, hex[2 * i]) - digits) << 4 | (strchr(digits, hex[2 * i + 1]) - digits));
}

static void assert_product(const char *scalar, const char *point, const char *wanted)
{
	uint8_t n[SIZE], p[SIZE], q[SIZE], want[SIZE];

	from_hex(n, scalar);
	from_hex(p, point);
	from_hex(want, wanted);
	curve25519_mul(q, n, p);
	assert_memory_equal(q, want, SIZE);
}

/* RFC 7748 5.2; in the second the highest bit of the point is set, and has to be ignored. */
static void the_vectors_of_the_rfc(void **state)
{
	(void)state;
	assert_product("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
		"e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
		"c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
	assert_product("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
		"e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
		"95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
}

/* With the public keys by nettle, as in a handshake: both sides get the same. */
static void both_sides_agree(void **state)
{
	uint8_t a[SIZE], b[SIZE], a_public[SIZE], b_public[SIZE], seen_by_a[SIZE], seen_by_b[SIZE];

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		memset(a, (int)i + 1, SIZE);
		memset(b, (int)(255 - i), SIZE);
		curve25519_mul_g(a_public, a);
		curve25519_mul_g(b_public, b);
		curve25519_mul(seen_by_a, a, b_public);
		curve25519_mul(seen_by_b, b, a_public);
		assert_memory_equal(seen_by_a, seen_by_b, SIZE);
	}
}

/* Points of small order: GnuTLS looks for this result, and refuses the client. */
static void a_product_of_zero_is_zero(void **state)
{
	static const uint8_t zero[SIZE], one[SIZE] = { 1 };
	uint8_t n[SIZE], q[SIZE];

	(void)state;
	memset(n, 7, SIZE);
	memset(q, 7, SIZE);
	curve25519_mul(q, n, zero);
	assert_memory_equal(q, zero, SIZE);
	memset(q, 7, SIZE);
	curve25519_mul(q, n, one);
	assert_memory_equal(q, zero, SIZE);
}

static int setup(void **state)
{
	(void)state;
	return x25519_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_of_the_rfc),
		cmocka_unit_test(both_sides_agree),
		cmocka_unit_test(a_product_of_zero_is_zero),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
