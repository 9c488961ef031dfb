/* SPDX-License-Identifier: BSD-2-Clause */
/* What a script sees of a sick process: the arguments of its function worker. */
#ifndef LUA_BIND_SAMPLE_H
#define LUA_BIND_SAMPLE_H

#include <lua.h>

#include "plugins/policy/policy.h"

/* Pushes two tables of the call's own, sample and verdict. */
void bind_sample_push(lua_State *L, const struct policy_sick *q);

#endif
