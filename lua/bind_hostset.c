/* SPDX-License-Identifier: BSD-2-Clause */
#include "lua/bind_hostset.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "common/msg.h"
#include "common/names.h"
#include "lua/ticks.h"

#define TYPE "hostset"

/* The object in Lua. */
struct handle {
	struct bind_sets *sets;
	int index;
};

void bind_sets_clear(struct bind_sets *b)
{
	for (int i = 0; i < b->n; i++) {
		free(b->sets[i].name);
		hostset_unref(b->sets[i].set);
	}
	*b = (struct bind_sets){ .n = 0 };
}

static int find(const struct bind_sets *b, const char *name)
{
	for (int i = 0; i < b->n; i++)
		if (strcmp(b->sets[i].name, name) == 0)
			return i;
	return -1;
}

bool bind_sets_put(struct bind_sets *b, const char *name, struct hostset *set)
{
	int i = find(b, name);

	if (i < 0)
		return false;
	hostset_ref(set);
	hostset_unref(b->sets[i].set);
	b->sets[i].set = set;
	return true;
}

/* Its index, or -1 if there is no room. */
static int add(struct bind_sets *b, const char *name, size_t size)
{
	if (b->n == BIND_SETS_MAX || b->bytes + size + 1 > BIND_SETS_BYTES)
		return -1;
	char *copy = strdup(name);
	if (!copy)
		return -1;
	b->sets[b->n].name = copy;
	b->sets[b->n].set = NULL;
	b->bytes += size + 1;
	return b->n++;
}

static void check_name(lua_State *L, const char *name, size_t size)
{
	luaL_argcheck(L, size > 0, 1, "empty");
	luaL_argcheck(L, size < MSG_NAME_MAX, 1, "too long");
	for (size_t i = 0; i < size; i++)
		luaL_argcheck(L, (unsigned char)name[i] >= ' ' && name[i] != 0x7f, 1, "has odd bytes");
}

/***
tlsward.hostset(name)

The host set of the file `name`, as an object with the method contains. A
relative name is relative to the folder of the scripts. Only while the script
is loaded, not in its functions. The set follows its file: the object answers
from the newest contents that could be read. At most 32 for a script.
*/
static int tlsward_hostset(lua_State *L)
{
	struct bind_sets *b = lua_touserdata(L, lua_upvalueindex(1));
	size_t size;
	const char *name = luaL_checklstring(L, 1, &size);

	if (!b->loading)
		return luaL_error(L, "hostset can be called only while the script is loaded");
	check_name(L, name, size);
	struct handle *h = lua_newuserdatauv(L, sizeof *h, 0);
	h->sets = b;
	h->index = find(b, name);
	ticks_hold();
	if (h->index < 0)
		h->index = add(b, name, size);
	ticks_release();
	if (h->index < 0)
		return luaL_error(L, "too many host sets");
	luaL_setmetatable(L, TYPE);
	return 1;
}

/***
set:contains(name)

True if the host set has the name: itself, a "*." line that it is one label
below, or a "." line that it equals or is below at any depth. False for nil
and for what is no host name. Names are compared in lower case. Costs about
0.2 microseconds, whatever the size of the set.
*/
static int hostset_method_contains(lua_State *L)
{
	const struct handle *h = luaL_checkudata(L, 1, TYPE);
	const struct hostset *set = h->sets->sets[h->index].set;
	char normal[NAME_BYTES];
	size_t size;

	if (lua_isnoneornil(L, 2)) {
		lua_pushboolean(L, 0);
		return 1;
	}
	luaL_checktype(L, 2, LUA_TSTRING);
	const char *name = lua_tolstring(L, 2, &size);
	lua_pushboolean(L, set && name_normalize(name, size, false, normal) && hostset_contains(set, normal));
	return 1;
}

static const luaL_Reg methods[] = {
	{ "contains", hostset_method_contains },
	{ NULL, NULL }
};

void bind_hostset(lua_State *L, struct bind_sets *b)
{
	luaL_newmetatable(L, TYPE);
	luaL_newlib(L, methods);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
	lua_pushlightuserdata(L, b);
	lua_pushcclosure(L, tlsward_hostset, 1);
	lua_setfield(L, -2, "hostset");
}
