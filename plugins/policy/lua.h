/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy that is a script in Lua. What a script is and may do is in
 * tlsward-policy(7); the sandbox and the budgets are lua/host.h's.
 */
#ifndef PLUGINS_POLICY_LUA_H
#define PLUGINS_POLICY_LUA_H

#include <stddef.h>
#include <stdint.h>

#include "common/hostset.h"
#include "common/ledger.h"
#include "plugins/policy/policy.h"

struct lua_policy;

struct lua_limits {
	uint32_t budget_us;	/* CPU time of one call */
	size_t memory;		/* bytes of a state */
};

/* A script as it comes; all lent. */
struct lua_script {
	const char *path;	/* messages name its last component */
	const char *text; size_t size;
	const void *settings; size_t settings_size;	/* as in MSG_SCRIPT; may be empty */
};

/*
 * The host set of a name that the script asks for, or NULL if there is none,
 * which is an error; the reference stays the set's owner's.
 */
typedef struct hostset *lua_find_set(void *data, const char *name);

/*
 * Compiles the script, runs it, and checks what it returns. Without find_set
 * all host sets are empty. On any error NULL, and err says which, with file
 * and line. Keeps copies of what it needs. Needs ticks_start() (lua/ticks.h),
 * or no budget holds.
 */
struct lua_policy *lua_policy_new(const struct lua_script *script, const struct lua_limits *limits,
	lua_find_set *find_set, void *data, char *err, size_t err_size);
void lua_policy_free(struct lua_policy *p);

const char *lua_policy_name(const struct lua_policy *p);	/* as the script calls itself */
const char *lua_policy_file(const struct lua_policy *p);	/* the last component of its path */

/* The name of host set i that it asked for at load, or NULL past the last. */
const char *lua_policy_set_name(const struct lua_policy *p, int i);
/*
 * Complaint i about its settings, NULL past the last: what follows the name of
 * setting *index, counted in the order of lua_script.settings. Only for a
 * script that declares defaults.
 */
const char *lua_policy_wrong_setting(const struct lua_policy *p, int i, unsigned *index);

/* From its next call on it asks this set (takes a reference); nothing if it has none of that name. */
void lua_policy_set(struct lua_policy *p, const char *name, struct hostset *set);

/*
 * Where it counts from now on, and where it writes its file's name and the line
 * while it runs (doing_script, doing_line); either may be NULL.
 */
void lua_policy_account(struct lua_policy *p, struct ledger_policy *counts, struct ledger_head *doing);

/* self is a struct lua_policy. After a call that ran out of budget or memory it starts afresh. */
extern const struct policy_ops policy_lua;

#endif
