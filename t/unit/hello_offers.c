/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/worker/hello_offers.c: which certificates a client can use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "t/unit/hello_sample.h"

/* Which certificates */

struct offer {
	uint16_t versions[2];
	uint16_t ciphers[3];
	uint16_t signatures[3];
	uint16_t groups[2];
	bool p256, p384, rsa, ed25519;
};

static size_t count(const uint16_t *list, size_t max)
{
	size_t n = 0;

	while (n < max && list[n])
		n++;
	return n;
}

static void certificates_are_chosen_by_what_is_offered(void **state)
{
	static const struct offer rows[] = {
		/* TLS 1.3: schemes alone */
		{ { 0x304 }, { 0x1301 }, { 0x403 }, { 29 }, .p256 = true },
		{ { 0x304, 0x303 }, { 0x1301, 0xc02b }, { 0x503 }, { 23, 24 }, .p384 = true },
		{ { 0x304 }, { 0x1301 }, { 0x804 }, { 23 }, .rsa = true },
		{ { 0x304 }, { 0x1301 }, { 0x403, 0x806, 0x807 }, { 23 }, .p256 = true, .rsa = true, .ed25519 = true },
		/* PKCS #1 is for TLS 1.2 only, and TLS 1.3 is what it will be */
		{ { 0x304, 0x303 }, { 0x1301, 0xc02f }, { 0x401 }, { 23 }, .rsa = false },
		{ { 0x304 }, { 0x1301 }, { 0 }, { 23 }, .rsa = false },
		/* TLS 1.2: suite, signature, group */
		{ { 0x303 }, { 0xc02b }, { 0x403 }, { 23 }, .p256 = true },
		{ { 0x303 }, { 0xc02b }, { 0x403 }, { 24, 23 }, .p256 = true, .p384 = true },
		{ { 0x303 }, { 0xc02b }, { 0x403 }, { 29 }, .p256 = false },
		{ { 0x303 }, { 0xc02b }, { 0x403 }, { 0 }, .p256 = false },
		{ { 0x303 }, { 0xc02f }, { 0x403 }, { 23 }, .p256 = false },
		{ { 0x303 }, { 0xc02b, 0xc02f }, { 0x401 }, { 23 }, .rsa = true },
		{ { 0x303 }, { 0xc02f }, { 0x804 }, { 23 }, .rsa = true },
		{ { 0x303 }, { 0xc02b }, { 0x401 }, { 23 }, .rsa = false },
		{ { 0x303 }, { 0xc02b }, { 0x807 }, { 29 }, .ed25519 = true },
		{ { 0x303 }, { 0xc02f }, { 0x807 }, { 29 }, .ed25519 = false },
		/* SHA-1, stated or implied */
		{ { 0x303 }, { 0xc02b, 0xc02f }, { 0x203, 0x201 }, { 23 }, .p256 = false },
		{ { 0x303 }, { 0xc02b, 0xc02f }, { 0 }, { 23 }, .p256 = false },
		/* nothing before TLS 1.2 */
		{ { 0x302 }, { 0xc00a, 0xc014 }, { 0x403, 0x401, 0x807 }, { 23 }, .p256 = false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct offer *o = &rows[i];
		struct sample *s = new_sample();
		struct hello h;

		s->n_ciphers = count(o->ciphers, 3);
		memcpy(s->ciphers, o->ciphers, sizeof o->ciphers);
		add_numbers(s, 43, count(o->versions, 2), o->versions);
		if (o->signatures[0])
			add_numbers(s, 13, count(o->signatures, 3), o->signatures);
		if (o->groups[0])
			add_numbers(s, 10, count(o->groups, 2), o->groups);
		assert_int_equal(parse_sample(s, &h), HELLO_DONE);
		print_message("# offer %zu\n", i);
		assert_int_equal(hello_accepts_ecdsa(&h, 23), o->p256);
		assert_int_equal(hello_accepts_ecdsa(&h, 24), o->p384);
		assert_false(hello_accepts_ecdsa(&h, 25));
		assert_false(hello_accepts_ecdsa(&h, 29));
		assert_int_equal(hello_accepts_rsa(&h), o->rsa);
		assert_int_equal(hello_accepts_ed25519(&h), o->ed25519);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_are_chosen_by_what_is_offered),
	};
	return cmocka_run_group_tests_name("hello_offers", tests, NULL, NULL);
}
