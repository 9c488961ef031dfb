/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests common/addr.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "common/addr.h"

static void literal(const char *text, int family)
{
	struct addr a;
	char host[256], back[ADDR_TEXT];
	uint16_t port;

	assert_int_equal(addr_parse_server(text, &a, host, &port), 0);
	assert_string_equal(host, "");
	assert_int_equal(a.ss.ss_family, family);
	assert_string_equal(addr_text((struct sockaddr *)&a.ss, back), text);
}

static void literals_and_paths_come_back_as_written(void **state)
{
	(void)state;
	literal("192.0.2.1:8080", AF_INET);
	literal("[2001:db8::1]:443", AF_INET6);
	literal("[::1]:65535", AF_INET6);
	literal("unix:/run/app.sock", AF_UNIX);
}

static void names_are_left_to_a_resolver(void **state)
{
	struct addr a;
	char host[256], text[ADDR_TEXT];
	uint16_t port;

	(void)state;
	assert_int_equal(addr_parse_server("App.example.org:25", &a, host, &port), 0);
	assert_string_equal(host, "app.example.org");
	assert_int_equal(port, 25);
	assert_string_equal(addr_text((struct sockaddr *)&a.ss, text), "-");
	assert_int_equal(addr_from_ip(&a, "192.0.2.9", 0), 0);
	addr_set_port(&a, port);
	assert_string_equal(addr_text((struct sockaddr *)&a.ss, text), "192.0.2.9:25");
}

static void what_is_no_server_is_refused(void **state)
{
	static const char *const texts[] = {
		"", ":", ":80", "host", "host:", "host:0", "host:65536", "host:99999999999999999999", "host:-1",
		"host:+80", "host: 80", "host:80x", "192.0.2.1", "::1:80", "[::1]", "[::1]80", "[]:80", "[host]:80",
		"[192.0.2.1]:80", "[:80", "http://host:80", "ho st:80", "a/b:80", "unix:", "unix:run/app.sock",
	};
	struct addr a;
	char host[256];
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (addr_parse_server(texts[i], &a, host, &port) != -EINVAL)
			fail_msg("\"%s\" is taken for a server", texts[i]);
}

static void lengths_are_bounded(void **state)
{
	struct sockaddr_un *un;
	struct addr a;
	char text[400] = "unix:/", host[256];
	uint16_t port;

	(void)state;
	memset(text + 6, 'p', sizeof un->sun_path - 2);
	assert_int_equal(addr_parse_server(text, &a, host, &port), 0);
	text[5 + sizeof un->sun_path - 1] = 'p';
	assert_int_equal(addr_parse_server(text, &a, host, &port), -EINVAL);
	assert_int_equal(addr_from_path(&a, text + 5), -ENAMETOOLONG);
	memset(text, 'h', 300);
	strcpy(text + 300, ":80");
	assert_int_equal(addr_parse_server(text, &a, host, &port), -EINVAL);
}

static void a_path_without_a_nul_is_not_read_past(void **state)
{
	struct { struct sockaddr_un un; char after; } s = { .after = 'X' };
	char text[ADDR_TEXT];

	(void)state;
	s.un.sun_family = AF_UNIX;
	memset(s.un.sun_path, 'p', sizeof s.un.sun_path);
	assert_int_equal(strlen(addr_text((struct sockaddr *)&s.un, text)), 5 + 107);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals_and_paths_come_back_as_written),
		cmocka_unit_test(names_are_left_to_a_resolver),
		cmocka_unit_test(what_is_no_server_is_refused),
		cmocka_unit_test(lengths_are_bounded),
		cmocka_unit_test(a_path_without_a_nul_is_not_read_past),
	};
	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
