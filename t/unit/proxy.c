/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/worker/proxy.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/addr.h"
#include "workers/worker/proxy.h"

static struct addr peer, local;

static struct proxy_info info_for(const char *from, const char *to)
{
	assert_int_equal(addr_from_ip(&peer, from, 50000), 0);
	assert_int_equal(addr_from_ip(&local, to, 443), 0);
	return (struct proxy_info){
		.peer = (const struct sockaddr *)&peer.ss,
		.local = (const struct sockaddr *)&local.ss,
		.alpn = "h2", .authority = "a.example.org",
		.tls_version = "TLSv1.3", .cipher = "TLS_AES_128_GCM_SHA256",
	};
}

static void version_1_says_the_addresses(void **state)
{
	struct proxy_info info = info_for("192.0.2.7", "198.51.100.1");
	uint8_t out[PROXY_HEADER_MAX];
	const char *want = "PROXY TCP4 192.0.2.7 198.51.100.1 50000 443\r\n";

	(void)state;
	assert_int_equal(proxy_header(1, &info, out), strlen(want));
	assert_memory_equal(out, want, strlen(want));
	info = info_for("2001:db8::7", "2001:db8::1");
	want = "PROXY TCP6 2001:db8::7 2001:db8::1 50000 443\r\n";
	assert_int_equal(proxy_header(1, &info, out), strlen(want));
	assert_memory_equal(out, want, strlen(want));
}

static void version_1_of_mixed_families_is_unknown(void **state)
{
	struct proxy_info info = info_for("192.0.2.7", "2001:db8::1");
	uint8_t out[PROXY_HEADER_MAX];

	(void)state;
	assert_int_equal(proxy_header(1, &info, out), 15);
	assert_memory_equal(out, "PROXY UNKNOWN\r\n", 15);
}

/* The value of the first TLV of that type from at on, or NULL. */
static const uint8_t *find_tlv(const uint8_t *at, size_t size, uint8_t type, size_t *n)
{
	while (size >= 3) {
		*n = (size_t)(at[1] << 8 | at[2]);
		assert_true(*n + 3 <= size);
		if (at[0] == type)
			return at + 3;
		at += 3 + *n;
		size -= 3 + *n;
	}
	return NULL;
}

static void version_2_has_addresses_and_tlvs(void **state)
{
	struct proxy_info info = info_for("192.0.2.7", "198.51.100.1");
	uint8_t out[PROXY_HEADER_MAX];
	const uint8_t addresses[] = { 192, 0, 2, 7, 198, 51, 100, 1, 50000 >> 8, 50000 & 255, 443 >> 8, 443 & 255 };
	size_t n, size = proxy_header(2, &info, out);

	(void)state;
	assert_memory_equal(out, "\r\n\r\n\0\r\nQUIT\n\x21\x11", 14);
	assert_int_equal(out[14] << 8 | out[15], size - 16);
	assert_memory_equal(out + 16, addresses, sizeof addresses);

	const uint8_t *tlvs = out + 28, *v = find_tlv(tlvs, size - 28, 0x01, &n);
	assert_non_null(v);
	assert_memory_equal(v, "h2", 2);
	v = find_tlv(tlvs, size - 28, 0x02, &n);
	assert_non_null(v);
	assert_int_equal(n, strlen("a.example.org"));
	assert_memory_equal(v, "a.example.org", n);

	const uint8_t *ssl = find_tlv(tlvs, size - 28, 0x20, &n);
	assert_non_null(ssl);
	assert_int_equal(ssl[0], 1);		/* the client uses TLS */
	assert_int_not_equal(ssl[4], 0);	/* no certificate was verified */
	size_t ssl_n = n - 5;
	v = find_tlv(ssl + 5, ssl_n, 0x21, &n);
	assert_non_null(v);
	assert_memory_equal(v, "TLSv1.3", 7);
	v = find_tlv(ssl + 5, ssl_n, 0x23, &n);
	assert_non_null(v);
	assert_int_equal(n, strlen("TLS_AES_128_GCM_SHA256"));
}

static void version_2_leaves_out_what_is_not_known(void **state)
{
	struct proxy_info info = info_for("2001:db8::7", "2001:db8::1");
	uint8_t out[PROXY_HEADER_MAX];
	size_t n;

	(void)state;
	info.alpn = info.authority = "";
	size_t size = proxy_header(2, &info, out);
	assert_int_equal(out[13], 0x21);
	assert_null(find_tlv(out + 52, size - 52, 0x01, &n));
	assert_null(find_tlv(out + 52, size - 52, 0x02, &n));
	assert_non_null(find_tlv(out + 52, size - 52, 0x20, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_1_says_the_addresses),
		cmocka_unit_test(version_1_of_mixed_families_is_unknown),
		cmocka_unit_test(version_2_has_addresses_and_tlvs),
		cmocka_unit_test(version_2_leaves_out_what_is_not_known),
	};
	return cmocka_run_group_tests_name("proxy", tests, NULL, NULL);
}
