/* SPDX-License-Identifier: BSD-2-Clause */
/* What a script sees of host sets: tlsward.hostset and what it gives. */
#ifndef LUA_BIND_HOSTSET_H
#define LUA_BIND_HOSTSET_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/hostset.h"

#define BIND_SETS_MAX 32		/* of one script */
#define BIND_SETS_BYTES 4096		/* their names, each with a NUL */

/*
 * The sets that a script has asked for, by name, in place. Outlives the
 * states that it is bound to; Lua holds an index, never a set.
 */
struct bind_sets {
	struct { char *name; struct hostset *set; } sets[BIND_SETS_MAX];
	int n;
	size_t bytes;
	bool loading;			/* tlsward.hostset may be called */
};

void bind_sets_clear(struct bind_sets *b);
/* Takes a reference to the set (NULL: an empty one); false if the script asks for none of that name. */
bool bind_sets_put(struct bind_sets *b, const char *name, struct hostset *set);

/* Adds hostset to the table on top of the stack; b is lent. */
void bind_hostset(lua_State *L, struct bind_sets *b);

#endif
