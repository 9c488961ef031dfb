/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a script's functions return, checked. Each function finds the returned
 * values at the stack's indices 1 and up (the first is not nil), fills the
 * answer, and raises an error that says what is wrong with it.
 */
#ifndef PLUGINS_POLICY_LUA_ANSWER_H
#define PLUGINS_POLICY_LUA_ANSWER_H

#include <lua.h>

void lua_answer_allow(lua_State *L, void *answer);	/* struct policy_allow */
void lua_answer_timeouts(lua_State *L, void *answer);	/* struct policy_timeouts */
void lua_answer_chain(lua_State *L, void *answer);	/* struct policy_chain */
void lua_answer_route(lua_State *L, void *answer);	/* struct policy_route */
void lua_answer_worker(lua_State *L, void *answer);	/* struct policy_worker */

#endif
