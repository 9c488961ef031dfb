/* SPDX-License-Identifier: BSD-2-Clause */
/* What a script sees of a client: the argument of its functions. */
#ifndef LUA_BIND_HELLO_H
#define LUA_BIND_HELLO_H

#include <lua.h>
#include <stdint.h>

#include "plugins/policy/policy.h"

/*
 * What the objects in Lua look at, in place; outlives the states that it is
 * bound to. An object is good for the call that it was made for: one that a
 * script has kept gives an error afterwards.
 */
struct bind_hello {
	const struct policy_question *q;	/* NULL between calls */
	uint64_t serial;
};

/* Makes the type known to a fresh state. */
void bind_hello(lua_State *L);

/* Pushes an object for b->q. The owner sets q before a call, and NULL and the next serial after it. */
void bind_hello_push(lua_State *L, struct bind_hello *b);

#endif
