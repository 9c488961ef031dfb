/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/policy/lua_script.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char *lua_hook_name(enum lua_hook hook) { return asked_name((enum asked)hook); }

/* What is being checked, for errors. */
struct source { const char *file, *text; size_t size; };

static bool is_word(const char *at, const char *end, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(end - at) < n || memcmp(at, word, n) != 0)
		return false;
	return at + n == end || !(isalnum((unsigned char)at[n]) || at[n] == '_');
}

/*
 * Lua knows no lines of the fields of a table, so they are looked for: the
 * last line that begins with the word, else the last line of all. It is for
 * people who look for a mistake; a wrong guess does no harm.
 */
static int line_of(const struct source *s, const char *word)
{
	const char *at = s->text, *end = s->text + s->size;
	int line = 0, found = 0;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		line++;
		while (at < end && (*at == ' ' || *at == '\t' || *at == '{' || *at == '['))
			at++;
		if (is_word(at, end, word))
			found = line;
		at = newline ? newline + 1 : end;
	}
	return found ? found : line;
}

static void __attribute__((format(printf, 4, 5))) wrong(lua_State *L, const struct source *s,
	const char *word, const char *format, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	luaL_error(L, "%s:%d: %s", s->file, line_of(s, word), text);
}

/* Of the value on top of the stack, which it pops. */
static void take_hook(lua_State *L, const struct source *s, enum lua_hook hook, struct lua_script_table *t)
{
	lua_Debug ar;

	if (lua_type(L, -1) != LUA_TFUNCTION || lua_iscfunction(L, -1))
		wrong(L, s, lua_hook_name(hook), "field '%s' is no function of the script", lua_hook_name(hook));
	lua_pushvalue(L, -1);
	lua_getinfo(L, ">S", &ar);
	t->lines[hook] = ar.linedefined;
	t->refs[hook] = luaL_ref(L, LUA_REGISTRYINDEX);
}

static void take_name(lua_State *L, const struct source *s, struct lua_script_table *t)
{
	if (lua_type(L, -1) != LUA_TSTRING || lua_rawlen(L, -1) == 0 || lua_rawlen(L, -1) >= sizeof t->name)
		wrong(L, s, "name", "field 'name' is no text of 1 to %zu bytes", sizeof t->name - 1);
	snprintf(t->name, sizeof t->name, "%s", lua_tostring(L, -1));
}

static void check_api(lua_State *L, const struct source *s)
{
	if (!lua_isinteger(L, -1) || lua_tointeger(L, -1) != LUA_SCRIPT_API)
		wrong(L, s, "api", "field 'api' is not %d, the only one that this tlsward has", LUA_SCRIPT_API);
}

/* Defaults: of the value on top of the stack, which stays where it is. */
static void check_settings(lua_State *L, const struct source *s)
{
	if (lua_type(L, -1) != LUA_TTABLE)
		wrong(L, s, "settings", "field 'settings' is a %s, not a table", luaL_typename(L, -1));
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		int type = lua_type(L, -1);
		if (lua_type(L, -2) != LUA_TSTRING)
			wrong(L, s, "settings", "field 'settings' has a %s as a key", luaL_typename(L, -2));
		if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN)
			wrong(L, s, lua_tostring(L, -2), "the default of setting '%.60s' is a %s, not a string, a number, true or false",
				lua_tostring(L, -2), luaL_typename(L, -1));
	}
}

/* Of the value on top of the stack. */
static void take_field(lua_State *L, const struct source *s, const char *key, struct lua_script_table *t)
{
	if (strcmp(key, "name") == 0) {
		take_name(L, s, t);
		return;
	}
	if (strcmp(key, "api") == 0) {
		check_api(L, s);
		return;
	}
	if (strcmp(key, "settings") == 0) {
		check_settings(L, s);
		return;
	}
	for (enum lua_hook hook = 0; hook < LUA_HOOK_N; hook++) {
		if (strcmp(key, lua_hook_name(hook)) == 0) {
			lua_pushvalue(L, -1);
			take_hook(L, s, hook, t);
			return;
		}
	}
	wrong(L, s, key, "there is no field '%.60s'", key);
}

static void require_field(lua_State *L, const struct source *s, const char *key)
{
	if (lua_getfield(L, -1, key) == LUA_TNIL)
		wrong(L, s, "return", "field '%s' is missing", key);
	lua_pop(L, 1);
}

void lua_script_take(lua_State *L, const char *file, const char *text, size_t size, struct lua_script_table *t)
{
	const struct source s = { file, text, size };

	for (int i = 0; i < LUA_HOOK_N; i++)
		t->refs[i] = LUA_NOREF;
	if (lua_type(L, -1) != LUA_TTABLE)
		wrong(L, &s, "return", "returns a %s, not a table", luaL_typename(L, -1));
	require_field(L, &s, "name");
	require_field(L, &s, "api");
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		if (lua_type(L, -2) != LUA_TSTRING)
			wrong(L, &s, "return", "returns a table with a %s as a key", luaL_typename(L, -2));
		take_field(L, &s, lua_tostring(L, -2), t);
	}
}
