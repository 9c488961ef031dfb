/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests supervisor/conf_compare.c: two files, and what a reload from one to the other changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "supervisor/conf_compare.h"
#include "t/unit/conf_fixture.h"

/* A line for each change: "path: old > new, effect, line N". */
static const char *changes_from(const char *before, const char *after)
{
	static char all[2048];
	struct conf *old = read_good(before), *new = read_good(after);
	struct conf_changes changes;
	size_t n = 0;

	assert_int_equal(conf_compare(old, new, &changes), 0);
	all[0] = '\0';
	for (int i = 0; i < changes.n; i++) {
		const struct conf_change *c = &changes.list[i];
		n += (size_t)snprintf(all + n, sizeof all - n, "%s: %s > %s, %s, line %u\n", c->path, c->old ? c->old : "-",
			c->new ? c->new : "-", conf_effect_name(c->effect), c->where.line);
	}
	conf_changes_clear(&changes);
	conf_free(old);
	conf_free(new);
	return all;
}

static void what_has_changed_is_told_by_path(void **state)
{
	(void)state;
	assert_string_equal(changes_from(BASE, "\n\n" BASE), "");
	assert_string_equal(changes_from(BASE, BASE "log = { level = \"debug\"; };\nworkers = 3;\nuser = \"x\";\n"),
		"workers: auto > 3, new workers, line 5\nuser: tlsward > x, restart, line 6\nlog.level: info > debug, in place, line 4\n");
	assert_string_equal(changes_from(BASE "user = \"x\";\n", BASE), "user: x > tlsward, restart, line 0\n");
	assert_string_equal(changes_from(BASE, BASE "watch = { cpu_spin = { share = 0.5; }; };\nchains = { sources = [ \"store\" ]; };\n"),
		"chains.sources: file, store, cache, aia > store, in place, line 5\nwatch.cpu_spin.share: 0.9 > 0.5, in place, line 4\n");
	assert_string_equal(changes_from(BASE, BASE "control = { admins = [ \"a\", \"@b\" ]; };\n"),
		"control.admins: root > a, @b, restart, line 4\n");
}

static void listeners_and_backends_are_compared_by_name(void **state)
{
#define TWO(first, second) "listeners = ( " first ", " second " );\n" BACKEND CERTIFICATE
#define HTTPS "{ name = \"https\"; address = \"127.0.0.1\"; port = 8443; backend = \"app\"; }"
#define OTHER "{ name = \"other\"; address = \"127.0.0.1\"; port = 8444; backend = \"app\"; timeouts = { idle = 3; }; }"
	(void)state;
	assert_string_equal(changes_from(TWO(HTTPS, OTHER), TWO(OTHER, HTTPS)), "");
	assert_string_equal(changes_from(BASE, TWO(OTHER, HTTPS)), "listeners.other: - > new, new workers, line 1\n");
	assert_string_equal(changes_from(TWO(OTHER, HTTPS), BASE), "listeners.other: there > -, new workers, line 0\n");
	assert_string_equal(changes_from(TWO(HTTPS, OTHER), TWO(HTTPS, OTHER) "timeouts = { idle = 9; };\n"),
		"timeouts.idle: 300 > 9, in place, line 4\n");
	assert_string_equal(changes_from(BASE, "listeners = ( { name = \"https\"; address = \"::1\"; port = 8443; backend = \"app\"; "
		"alpn = [ \"h2\" ]; default_certificate = \"a.example.org\"; timeouts = { idle = 5; }; } );\n" BACKEND CERTIFICATE),
		"listeners.https.address: 127.0.0.1 > ::1, new workers, line 1\n"
		"listeners.https.alpn:  > h2, in place, line 1\n"
		"listeners.https.default_certificate: - > a.example.org, in place, line 1\n"
		"listeners.https.timeouts.idle: 300 > 5, in place, line 1\n");
	assert_string_equal(changes_from(BASE, LISTENER "backends = ( { name = \"app\"; servers = [ \"127.0.0.1:81\", \"unix:/x\" ]; } );\n" CERTIFICATE),
		"backends.app.servers: 127.0.0.1:8080 > 127.0.0.1:81, unix:/x, in place, line 2\n");
}

static void lists_without_names_are_compared_whole(void **state)
{
#define SCRIPT(settings) BASE "policy = { scripts = \"p\"; settings = { " settings " }; };\n"
	(void)state;
	assert_string_equal(changes_from(BASE, LISTENER BACKEND "certificates = ( { directory = \"c\"; }, { directory = \"certs\"; } );\n"),
		"certificates: 1 entry > 2 entries, in place, line 3\n");
	assert_string_equal(changes_from(BASE, LISTENER BACKEND "certificates = ( { directory = \"c\"; } );\n"),
		"certificates: 1 entry > 1 entry, in place, line 3\n");
	assert_string_equal(changes_from(SCRIPT("a = { x = 1; };"), SCRIPT("a = { x = 1; };")), "");
	assert_string_equal(changes_from(SCRIPT("a = { x = 1; }; b = { };"), SCRIPT("a = { x = 2; }; c = { };")),
		"policy.settings.a: settings > other settings, in place, line 4\n"
		"policy.settings.c: - > settings, in place, line 4\n"
		"policy.settings.b: settings > -, in place, line 4\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_changed_is_told_by_path),
		cmocka_unit_test(listeners_and_backends_are_compared_by_name),
		cmocka_unit_test(lists_without_names_are_compared_whole),
	};
	return cmocka_run_group_tests_name("conf_compare", tests, conf_fixture_setup, conf_fixture_teardown);
}
