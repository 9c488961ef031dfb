/* SPDX-License-Identifier: BSD-2-Clause */
#include "lua/bind_settings.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

#define KNOWN_MAX 32	/* names in a complaint */

static const char settings_key;	/* its address is the key in the registry */

struct setting {
	uint8_t kind;			/* b, n or s */
	const char *key; uint8_t key_size;
	const char *text; uint16_t text_size;
};

/* False at the end and for what is damaged (in->failed). */
static bool next_setting(struct buf *in, struct setting *s)
{
	if (buf_left(in) == 0)
		return false;
	s->kind = buf_get_u8(in);
	s->key_size = buf_get_u8(in);
	s->key = (const char *)buf_get_bytes(in, s->key_size);
	s->text_size = buf_get_u16(in);
	s->text = (const char *)buf_get_bytes(in, s->text_size);
	return !in->failed;
}

static bool push_value(lua_State *L, const struct setting *s)
{
	lua_pushlstring(L, s->text, s->text_size);
	if (s->kind == 's')
		return true;
	if (s->kind == 'b')
		lua_pushboolean(L, s->text_size == 4 && memcmp(s->text, "true", 4) == 0);
	else if (s->kind != 'n' || lua_stringtonumber(L, lua_tostring(L, -1)) == 0)
		return false;
	lua_remove(L, -2);
	return true;
}

/* Until the defaults are there: keeps where the script looked for what the configuration lacks. */
static int on_missing(lua_State *L)
{
	lua_settop(L, 2);
	if (lua_type(L, 2) != LUA_TSTRING)
		return 0;
	luaL_where(L, 1);
	lua_rawset(L, lua_upvalueindex(1));
	return 0;
}

/* The metatable of the table on top: { reads, __index }. */
static void watch_reads(lua_State *L)
{
	lua_createtable(L, 1, 1);
	lua_newtable(L);
	lua_pushvalue(L, -1);
	lua_rawseti(L, -3, 1);
	lua_pushcclosure(L, on_missing, 1);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
}

/***
tlsward.settings

A table with what the configuration has in policy.settings for this script:
strings, numbers and booleans by name. What is not there has the default of the
field settings of the script's table, from the time on that the script has run.
*/
void bind_settings(lua_State *L, const struct bind_settings *b)
{
	struct setting s;
	struct buf in;

	buf_init_read(&in, b->data, b->size);
	lua_newtable(L);
	while (next_setting(&in, &s)) {
		lua_pushlstring(L, s.key, s.key_size);
		if (!push_value(L, &s))
			luaL_error(L, "setting '%s' is damaged", lua_tostring(L, -2));
		lua_rawset(L, -3);
	}
	if (in.failed)
		luaL_error(L, "the settings are damaged");
	watch_reads(L);
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &settings_key);
	lua_setfield(L, -2, "settings");
}

/* ---- defaults ---- */

static void __attribute__((format(printf, 3, 4))) complain(struct bind_settings *b, unsigned index, const char *format, ...)
{
	va_list ap;

	if (b->wrong_n == BIND_SETTINGS_WRONG)
		return;
	struct bind_wrong *w = &b->wrong[b->wrong_n++];
	w->index = index;
	va_start(ap, format);
	vsnprintf(w->text, sizeof w->text, format, ap);
	va_end(ap);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of the defaults, with commas between. */
static void list_known(lua_State *L, int defaults, char *text, size_t size)
{
	const char *names[KNOWN_MAX];
	size_t count = 0, n = 0;

	text[0] = '\0';
	for (lua_pushnil(L); lua_next(L, defaults); lua_pop(L, 1))
		if (count < KNOWN_MAX)
			names[count++] = lua_tostring(L, -2);	/* the table keeps it */
	qsort(names, count, sizeof *names, by_name);
	for (size_t i = 0; i < count && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%s", i ? ", " : "", names[i]);
}

static const char *kind_name(int type)
{
	return type == LUA_TBOOLEAN ? "true or false" : type == LUA_TNUMBER ? "a number" : "a string";
}

static int type_of(uint8_t kind)
{
	return kind == 'b' ? LUA_TBOOLEAN : kind == 'n' ? LUA_TNUMBER : LUA_TSTRING;
}

static void check_setting(lua_State *L, struct bind_settings *b, int defaults, const char *file,
	unsigned index, const struct setting *s)
{
	char known[BIND_SETTINGS_TEXT];

	lua_pushlstring(L, s->key, s->key_size);
	int type = lua_rawget(L, defaults);
	lua_pop(L, 1);
	list_known(L, defaults, known, sizeof known);
	if (type == LUA_TNIL && *known)
		complain(b, index, "is no setting of %s, which has %s", file, known);
	else if (type == LUA_TNIL)
		complain(b, index, "is no setting of %s, which has none", file);
	else if (type != type_of(s->kind))
		complain(b, index, "must be %s, as its default in %s is, but is %s", kind_name(type), file,
			kind_name(type_of(s->kind)));
}

static void check_settings(lua_State *L, struct bind_settings *b, int defaults, const char *file)
{
	unsigned index = 0;
	struct setting s;
	struct buf in;

	buf_init_read(&in, b->data, b->size);
	while (next_setting(&in, &s))
		check_setting(L, b, defaults, file, index++, &s);
}

/* With a default on top of the stack and its key below, which stay. */
static void add_default(lua_State *L, int settings, int reads)
{
	lua_pushvalue(L, -2);
	bool missing = lua_rawget(L, settings) == LUA_TNIL;
	lua_pop(L, 1);
	if (!missing)
		return;
	lua_pushvalue(L, -2);
	if (lua_rawget(L, reads) == LUA_TSTRING) {
		lua_pushfstring(L, "setting '%s' is looked at before its default is there: look in a function",
			lua_tostring(L, -3));
		lua_concat(L, 2);
		lua_error(L);
	}
	lua_pop(L, 1);
	lua_pushvalue(L, -2);
	lua_pushvalue(L, -2);
	lua_rawset(L, settings);
}

void bind_settings_defaults(lua_State *L, struct bind_settings *b, const char *file)
{
	int defaults = lua_gettop(L), settings = defaults + 1, reads = defaults + 3;

	b->wrong_n = 0;
	lua_rawgetp(L, LUA_REGISTRYINDEX, &settings_key);
	lua_getmetatable(L, settings);
	lua_rawgeti(L, -1, 1);
	lua_pushnil(L);
	lua_setmetatable(L, settings);
	if (!lua_isnil(L, defaults)) {
		check_settings(L, b, defaults, file);
		for (lua_pushnil(L); lua_next(L, defaults); lua_pop(L, 1))
			add_default(L, settings, reads);
	}
	lua_settop(L, defaults - 1);
}
