/* SPDX-License-Identifier: BSD-2-Clause */
/* What a script sees of the log: tlsward.log. */
#ifndef LUA_BIND_LOG_H
#define LUA_BIND_LOG_H

#include <lua.h>

#include "lua/quota.h"

#define BIND_LOG_BYTES 1024	/* of a text; the rest is cut */
#define BIND_LOG_PER_S 10	/* lines of a script */

/* Outlives the states that it is bound to. */
struct bind_log {
	char script[64];
	struct quota quota;
};

/* Adds log to the table on top of the stack. b is lent. */
void bind_log(lua_State *L, struct bind_log *b);

#endif
