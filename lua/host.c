/* SPDX-License-Identifier: BSD-2-Clause */
#include "lua/host.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/arena.h"
#include "lua/ticks.h"

#define OPEN_BUDGET_US 100000
#define NO_MEMORY "not enough memory"	/* as Lua's own library says it */

struct host {
	char file[64];
	size_t memory;
	struct arena *arena;
	lua_State *L;
	struct tick_call call;
	int line;
	char error[HOST_ERROR_BYTES];
};

static const char globals_key;	/* its address is the key in the registry */

static struct host *host_of(lua_State *L) { return *(struct host **)lua_getextraspace(L); }

struct host *host_new(const char *file, size_t memory)
{
	if (memory < ARENA_MIN || memory > ARENA_MAX) {
		errno = EINVAL;
		return NULL;
	}
	struct host *h = calloc(1, sizeof *h);
	if (!h)
		return NULL;
	snprintf(h->file, sizeof h->file, "%s", file);
	h->memory = memory;
	return h;
}

/* Not with lua_close(): a state that was left in the middle cannot be closed. */
void host_close(struct host *h)
{
	arena_free(h->arena);
	h->arena = NULL;
	h->L = NULL;
}

void host_free(struct host *h)
{
	if (h)
		host_close(h);
	free(h);
}

void host_set_line(struct host *h, int line) { h->line = line; }
void host_set_where(struct host *h, uint32_t *where) { h->call.where = where; }
bool host_is_open(const struct host *h) { return h->L != NULL; }
const char *host_error(const struct host *h) { return h->error; }
int host_error_line(const struct host *h) { return h->line; }

/* ---- errors ---- */

/* The line of the innermost Lua function that is running, or 0. */
static int running_line(lua_State *L)
{
	lua_Debug ar;

	for (int level = 0; lua_getstack(L, level, &ar); level++)
		if (lua_getinfo(L, "l", &ar) && ar.currentline > 0)
			return ar.currentline;
	return 0;
}

/* What follows "file:" in a message that begins with it and a line, or NULL. */
static const char *own_position(const struct host *h, const char *message)
{
	size_t n = strlen(h->file);

	if (strncmp(message, h->file, n) != 0 || message[n] != ':')
		return NULL;
	return message[n + 1] >= '0' && message[n + 1] <= '9' ? message + n + 1 : NULL;
}

static void set_error(struct host *h, int line, const char *message)
{
	const char *position = own_position(h, message);

	h->line = position ? atoi(position) : line;
	if (position)
		snprintf(h->error, sizeof h->error, "%s", message);
	else if (line > 0)
		snprintf(h->error, sizeof h->error, "%s:%d: %s", h->file, line, message);
	else
		snprintf(h->error, sizeof h->error, "%s: %s", h->file, message);
}

/* The message handler: the stack is still as it was when the error was raised. */
static int on_error(lua_State *L)
{
	char odd[64];
	const char *message = odd;

	snprintf(odd, sizeof odd, "the error is a %s, not a text", luaL_typename(L, 1));
	if (lua_type(L, 1) == LUA_TSTRING)
		message = lua_tostring(L, 1);
	int line = running_line(L);
	set_error(host_of(L), line > 0 ? line : host_of(L)->line, message);
	return 1;
}

/* ---- calls ---- */

static bool is_out_of_memory(lua_State *L, int status)
{
	if (status == LUA_ERRMEM)
		return true;
	/* Lua's string buffers raise it as an ordinary error. */
	return lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), NO_MEMORY) == 0;
}

static enum host_result failed(struct host *h, int status)
{
	if (is_out_of_memory(h->L, status)) {
		set_error(h, h->line, NO_MEMORY);
		host_close(h);
		return HOST_OUT_OF_MEMORY;
	}
	if (!h->error[0])
		set_error(h, 0, "error while handling an error");
	lua_settop(h->L, 0);
	return HOST_ERROR;
}

static enum host_result out_of_budget(struct host *h)
{
	char message[64];

	snprintf(message, sizeof message, "has used its %llu us", (unsigned long long)(h->call.budget_ns / 1000));
	set_error(h, h->call.line > 0 ? h->call.line : h->line, message);
	host_close(h);
	return HOST_OUT_OF_BUDGET;
}

enum host_result host_run(struct host *h, lua_CFunction body, void *data, uint32_t budget_us)
{
	h->call.L = h->L;
	h->call.budget_ns = budget_us * 1000ull;
	h->line = 0;
	h->error[0] = '\0';
	if (sigsetjmp(h->call.out, 0) != 0)
		return out_of_budget(h);
	ticks_enter(&h->call);
	lua_settop(h->L, 0);
	lua_pushcfunction(h->L, on_error);
	lua_pushcfunction(h->L, body);
	lua_pushlightuserdata(h->L, data);
	int status = lua_pcall(h->L, 1, 0, 1);
	ticks_leave();
	if (h->call.hooked)	/* it came back just in time */
		lua_sethook(h->L, NULL, 0, 0);
	return status == LUA_OK ? HOST_OK : failed(h, status);
}

/* ---- the sandbox ---- */

static const char *const base_functions[] = {
	"assert", "error", "ipairs", "next", "pairs", "pcall", "select", "tonumber",
	"tostring", "type", "rawequal", "rawlen", "rawget", NULL
};

static int refuse_global(lua_State *L)
{
	lua_settop(L, 2);
	return luaL_error(L, "global '%s' cannot be set: use local", luaL_tolstring(L, 2, NULL));
}

static void open_library(lua_State *L, const char *name, lua_CFunction open, const char *without)
{
	luaL_requiref(L, name, open, 0);
	if (without) {
		lua_pushnil(L);
		lua_setfield(L, -2, without);
	}
	lua_setfield(L, -2, name);
}

static void open_base(lua_State *L)
{
	luaL_requiref(L, LUA_GNAME, luaopen_base, 0);
	for (int i = 0; base_functions[i]; i++) {
		lua_getfield(L, -1, base_functions[i]);
		lua_setfield(L, -3, base_functions[i]);
	}
	lua_pop(L, 1);
}

/* What a loaded text finds as its globals: an empty table that reads from the real one. */
static void set_globals(lua_State *L, int globals)
{
	lua_newtable(L);
	lua_createtable(L, 0, 2);
	lua_pushvalue(L, globals);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, refuse_global);
	lua_setfield(L, -2, "__newindex");
	lua_setmetatable(L, -2);
	lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
	lua_pushvalue(L, globals);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &globals_key);
}

static int make_sandbox(lua_State *L)
{
	lua_settop(L, 0);
	lua_newtable(L);
	open_base(L);
	open_library(L, LUA_MATHLIBNAME, luaopen_math, NULL);
	open_library(L, LUA_STRLIBNAME, luaopen_string, "dump");
	open_library(L, LUA_TABLIBNAME, luaopen_table, NULL);
	open_library(L, LUA_UTF8LIBNAME, luaopen_utf8, NULL);
	lua_pushnil(L);		/* else all of base could still be reached from it */
	lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	set_globals(L, 1);
	return 0;
}

enum host_result host_open(struct host *h)
{
	host_close(h);
	h->line = 0;
	h->arena = arena_new(h->memory);
	h->L = h->arena ? lua_newstate(arena_alloc, h->arena) : NULL;
	if (!h->L) {
		set_error(h, 0, NO_MEMORY);
		host_close(h);
		return HOST_OUT_OF_MEMORY;
	}
	*(struct host **)lua_getextraspace(h->L) = h;
	return host_run(h, make_sandbox, NULL, OPEN_BUDGET_US);
}

void host_push_globals(lua_State *L)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &globals_key);
}

void host_push_script(lua_State *L, const char *text, size_t size)
{
	char name[sizeof((struct host *)NULL)->file + 1];

	snprintf(name, sizeof name, "@%s", host_of(L)->file);
	if (luaL_loadbufferx(L, text, size, name, "t") != LUA_OK)
		lua_error(L);
}
