/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policies of a process, as messages bring them: MSG_POLICY announces a
 * whole policy, MSG_SET and MSG_SCRIPT fill it, and when all has come it is
 * loaded, and takes the place of the one before, or is refused as a whole.
 * Between policies MSG_SET replaces one host set.
 */
#ifndef PLUGINS_POLICY_LUA_LIST_H
#define PLUGINS_POLICY_LUA_LIST_H

#include <stdbool.h>

#include "common/ledger.h"
#include "common/msg.h"
#include "plugins/policy/lua.h"

#define LUA_LIST_SCRIPTS_MAX 64
#define LUA_LIST_SETS_MAX 256
#define LUA_LIST_SCRIPT_BYTES_MAX ((size_t)1 << 20)
#define LUA_LIST_BUDGET_US_MAX 60000000u

struct lua_list;

/*
 * Asks the configuration alone at first. head: where scripts are counted
 * (lent), or NULL. NULL if there is no memory.
 */
struct lua_list *lua_list_new(struct ledger_head *head);
void lua_list_free(struct lua_list *l);

/* What was being collected is dropped. */
void lua_list_begin(struct lua_list *l, const struct msg_policy *m);
/* Takes fd. -EPROTO if nothing is collected or all scripts have come. */
int lua_list_script(struct lua_list *l, const struct msg_script *m, int fd);
/* Takes fd. -EPROTO if a policy is collected whose sets have all come. A bad set changes nothing. */
int lua_list_set(struct lua_list *l, const struct msg_set *m, int fd);

/* All that was announced has come. */
bool lua_list_is_complete(const struct lua_list *l);
/*
 * Then: loads it, starts the timer of budgets (lua/ticks.h), and swaps. The
 * answer's error is "" or says why all stays as it was; it lives until the
 * next lua_list_begin().
 */
void lua_list_commit(struct lua_list *l, struct msg_policy_ans *ans);

/* Scripts in order, then the configuration; valid until the next commit. */
const struct policy *lua_list_policies(const struct lua_list *l);
/* Script i of the policy in force, or NULL past the last. */
struct lua_policy *lua_list_script_at(const struct lua_list *l, int i);

#endif
