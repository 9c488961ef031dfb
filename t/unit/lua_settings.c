/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests lua/bind_settings.c in scripts: what the configuration says, and the defaults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "t/unit/lua_fixture.h"

#define SETTINGS(text) text, sizeof text - 1
/* quiet = true, most = 3, greeting = "hi" */
#define THREE SETTINGS("b\x05quiet\0\x04true" "n\x04most\0\x01" "3" "s\x08greeting\0\x02hi")

/* Whether `condition` holds in a call of a script that has loaded with `fields` in its table. */
static bool holds(const char *fields, const char *condition, const char *settings, size_t size)
{
	struct policy_question q = { .sni = "a.example" };
	struct policy_allow a = { 0 };
	char text[512];

	snprintf(text, sizeof text, "local s = tlsward.settings " HEAD "%s allow = function() return (%s) end }", fields, condition);
	struct lua_policy *p = load_with(text, settings, size);
	if (!p)
		fail_msg("%s", load_error());
	enum policy_result r = policy_lua.allow(p, &q, &a);
	lua_policy_free(p);
	return r == POLICY_ANSWERED && a.allowed;
}

static void settings_are_strings_numbers_and_booleans(void **state)
{
	static const char settings[] = "b\x04list\0\x04true" "b\x02no\0\x05" "false" "n\x01n\0\x02" "12" "n\x01" "f\0\x03" "1.5" "s\x01s\0\x02hi";

	(void)state;
	assert_true(holds("", "s.list == true and s.no == false and s.n == 12 and s.f == 1.5 and s.s == 'hi' and s.x == nil",
		SETTINGS(settings)));
	for (size_t cut = 1; cut < 9; cut++)
		assert_null(load_with(HEAD "}", settings, cut));
	assert_null(load_with(HEAD "}", SETTINGS("n\x01n\0\x03" "one")));
	assert_string_equal(load_error(), "t.lua: setting 'n' is damaged");
}

static void without_defaults_any_setting_is_taken(void **state)
{
	unsigned index;
	struct lua_policy *p = load_with(HEAD "}", THREE);

	(void)state;
	assert_non_null(p);
	assert_null(lua_policy_wrong_setting(p, 0, &index));
	lua_policy_free(p);
}

static void defaults_are_there_unless_the_configuration_has_another_value(void **state)
{
	static const char defaults[] = "settings = { quiet = false, most = 7, greeting = 'ho', limit = 1.5, strict = true },";

	(void)state;
	assert_true(holds(defaults, "s.quiet == true and s.most == 3 and s.greeting == 'hi'", THREE));
	assert_true(holds(defaults, "s.limit == 1.5 and s.strict == true", THREE));
	assert_true(holds(defaults, "s.quiet == false and s.most == 7 and s.greeting == 'ho' and s.other == nil", "", 0));
	assert_true(holds(defaults, "s.strict == false", SETTINGS("b\x06strict\0\x05" "false")));
}

static void a_fresh_state_has_them_too(void **state)
{
	struct policy_question loop = { .sni = "loop" }, q = { .sni = "a.example" };
	struct policy_allow a = { 0 };
	struct lua_policy *p = load_with(HEAD "settings = { most = 7, quiet = true }, allow = function(h) while h.sni == 'loop' do end "
		"return tlsward.settings.most == 3 and tlsward.settings.quiet end }", SETTINGS("n\x04most\0\x01" "3"));

	(void)state;
	assert_non_null(p);
	assert_int_equal(policy_lua.allow(p, &loop, &a), POLICY_OUT_OF_BUDGET);
	assert_int_equal(policy_lua.allow(p, &q, &a), POLICY_ANSWERED);
	assert_true(a.allowed);
	lua_policy_free(p);
}

static void each_setting_that_does_not_fit_is_complained_of(void **state)
{
	static const struct { const char *defaults; unsigned index; const char *text; } cases[] = {
		{ "quite = false, most = 1, greeting = ''", 0, "is no setting of t.lua, which has greeting, most, quite" },
		{ "quiet = false, greeting = ''", 1, "is no setting of t.lua, which has greeting, quiet" },
		{ "quiet = 1, most = 1, greeting = ''", 0, "must be a number, as its default in t.lua is, but is true or false" },
		{ "quiet = true, most = 'x', greeting = ''", 1, "must be a string, as its default in t.lua is, but is a number" },
		{ "quiet = true, most = 1, greeting = false", 2, "must be true or false, as its default in t.lua is, but is a string" },
	};
	char text[256];
	unsigned index;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(text, sizeof text, HEAD "settings = { %s } }", cases[i].defaults);
		struct lua_policy *p = load_with(text, THREE);
		assert_non_null(p);
		assert_string_equal(lua_policy_wrong_setting(p, 0, &index), cases[i].text);
		assert_int_equal(index, cases[i].index);
		assert_null(lua_policy_wrong_setting(p, 1, &index));
		lua_policy_free(p);
	}
	struct lua_policy *p = load_with(HEAD "settings = { } }", THREE);
	for (unsigned i = 0; i < 3; i++) {
		assert_string_equal(lua_policy_wrong_setting(p, (int)i, &index), "is no setting of t.lua, which has none");
		assert_int_equal(index, i);
	}
	assert_null(lua_policy_wrong_setting(p, 3, &index));
	lua_policy_free(p);
}

static void complaints_are_bounded(void **state)
{
	char settings[200 * 5];
	unsigned index;
	int n = 0;

	(void)state;
	for (int i = 0; i < 200; i++)
		memcpy(settings + 5 * i, "s\x01x\0\0", 5);
	struct lua_policy *p = load_with(HEAD "settings = { a = 1, "
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa = 1, "
		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb = 1, "
		"ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc = 1 } }",
		settings, sizeof settings);
	assert_non_null(p);
	while (lua_policy_wrong_setting(p, n, &index))
		n++;
	assert_int_equal(n, 16);
	assert_true(strlen(lua_policy_wrong_setting(p, 0, &index)) < 160);
	lua_policy_free(p);
}

static void defaults_that_are_none_are_errors_with_their_line(void **state)
{
	static const struct { const char *text, *err; } bad[] = {
		{ HEAD "\nsettings = 5 }", "t.lua:2: field 'settings' is a number, not a table" },
		{ HEAD "\nsettings = { 'quiet' } }", "t.lua:2: field 'settings' has a number as a key" },
		{ HEAD "settings = {\nquiet = { } } }",
			"t.lua:2: the default of setting 'quiet' is a table, not a string, a number, true or false" },
		{ HEAD "settings = {\n\nquiet = function() end } }",
			"t.lua:3: the default of setting 'quiet' is a function, not a string, a number, true or false" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_null(load_with(bad[i].text, "", 0));
		assert_string_equal(load_error(), bad[i].err);
	}
}

/* It would be nil there, whatever the default is. */
static void a_default_that_is_looked_at_too_early_is_an_error(void **state)
{
	static const char text[] = "local s = tlsward.settings\nlocal most = s.most\n" HEAD "settings = { most = 7 } }";

	(void)state;
	assert_null(load_with(text, "", 0));
	assert_string_equal(load_error(), "t.lua:2: setting 'most' is looked at before its default is there: look in a function");
	struct lua_policy *p = load_with(text, SETTINGS("n\x04most\0\x01" "3"));
	assert_non_null(p);		/* the configuration has it: no surprise */
	lua_policy_free(p);
	p = load_with("local x = tlsward.settings.x or tlsward.settings[5]\n" HEAD "settings = { most = 7 } }", "", 0);
	assert_non_null(p);
	lua_policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_are_strings_numbers_and_booleans),
		cmocka_unit_test(without_defaults_any_setting_is_taken),
		cmocka_unit_test(defaults_are_there_unless_the_configuration_has_another_value),
		cmocka_unit_test(a_fresh_state_has_them_too),
		cmocka_unit_test(each_setting_that_does_not_fit_is_complained_of),
		cmocka_unit_test(complaints_are_bounded),
		cmocka_unit_test(defaults_that_are_none_are_errors_with_their_line),
		cmocka_unit_test(a_default_that_is_looked_at_too_early_is_an_error),
	};
	return cmocka_run_group_tests_name("lua_settings", tests, lua_fixture_setup, NULL);
}
