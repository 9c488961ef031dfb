/* SPDX-License-Identifier: BSD-2-Clause */
/* The table that a script returns: its fields, checked. */
#ifndef PLUGINS_POLICY_LUA_SCRIPT_H
#define PLUGINS_POLICY_LUA_SCRIPT_H

#include <lua.h>
#include <stddef.h>

#include "common/ledger.h"

#define LUA_SCRIPT_API 1
#define LUA_SCRIPT_NAME 64	/* bytes of the names of scripts, as in the ledger */

/* The functions that a script may have. worker is for the advisor. */
enum lua_hook {
	LUA_HOOK_ALLOW = ASKED_ALLOW, LUA_HOOK_TIMEOUTS = ASKED_TIMEOUTS, LUA_HOOK_CHAIN = ASKED_CHAIN,
	LUA_HOOK_ROUTE = ASKED_ROUTE, LUA_HOOK_WORKER = ASKED_WORKER, LUA_HOOK_N = ASKED_COUNT
};

struct lua_script_table {
	char name[LUA_SCRIPT_NAME];
	int refs[LUA_HOOK_N];		/* in the registry; LUA_NOREF: the script has none */
	int lines[LUA_HOOK_N];		/* where they begin */
};

const char *lua_hook_name(enum lua_hook hook);

/*
 * Takes the value on top of the stack apart; raises an error that names file
 * and line if anything is wrong with it. text is the script's, where lines
 * are looked for.
 */
void lua_script_take(lua_State *L, const char *file, const char *text, size_t size, struct lua_script_table *t);

#endif
