/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests of policies in Lua: a script that is loaded from a text, and what it is asked about. */
#ifndef T_UNIT_LUA_FIXTURE_H
#define T_UNIT_LUA_FIXTURE_H

#include <stdbool.h>

#include "plugins/policy/lua.h"

/* How each script begins that is no test of just that; the rest of the table and its "}" follow. */
#define HEAD "return { name = 't', api = 1, "

/* Setup of a group, for cmocka: budgets are kept, and nothing is logged. */
int lua_fixture_setup(void **state);

/* Of a client at 192.0.2.7 that names sni (NULL: none), and of a worker that leaks descriptors. What they point to stays. */
struct policy_question question(const char *sni);
struct policy_sick sick_worker(void);

/* Under a budget of 10 ms and 1 MiB; to be freed with lua_policy_free(); NULL: load_error() says why. */
struct lua_policy *load_script(const struct lua_script *script, lua_find_set *find, void *data);
/* The same for the text of a script t.lua with those settings. */
struct lua_policy *load_with(const char *text, const void *settings, size_t settings_size);
/* The same without settings, and with host sets. */
struct lua_policy *load_text(const char *text, lua_find_set *find, void *data);
/* The same with neither, and it must be good. */
struct lua_policy *load_good(const char *text);
const char *load_error(void);

/* What its function allow says, which must answer. */
bool allows(struct lua_policy *p, const char *sni);

#endif
