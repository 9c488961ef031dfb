/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/policy/lua.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "lua/bind_hello.h"
#include "lua/bind_hostset.h"
#include "lua/bind_log.h"
#include "lua/bind_sample.h"
#include "lua/bind_settings.h"
#include "lua/host.h"
#include "plugins/policy/lua_answer.h"
#include "plugins/policy/lua_script.h"

#define ERROR_LINES_PER_S 5
#define RETRY_NS 1000000000ull	/* after a state could not be made anew */

static void (*const readers[LUA_HOOK_N])(lua_State *L, void *answer) = {
	[LUA_HOOK_ALLOW] = lua_answer_allow,
	[LUA_HOOK_TIMEOUTS] = lua_answer_timeouts,
	[LUA_HOOK_CHAIN] = lua_answer_chain,
	[LUA_HOOK_ROUTE] = lua_answer_route,
	[LUA_HOOK_WORKER] = lua_answer_worker,
};

struct lua_policy {
	struct host *host;
	struct lua_limits limits;
	char file[LUA_SCRIPT_NAME];
	char *text; size_t size;
	void *settings_data;
	struct lua_script_table table;
	uint64_t retry_ns;		/* no state before */
	struct bind_hello hello;
	struct bind_sets sets;
	struct bind_log log;
	struct bind_settings settings;
	struct quota error_lines;
	struct ledger_policy *counts;
	struct ledger_head *doing;
};

/* ---- loading ---- */

static void add_bindings(lua_State *L, struct lua_policy *p)
{
	bind_hello(L);
	host_push_globals(L);
	lua_newtable(L);
	bind_log(L, &p->log);
	bind_settings(L, &p->settings);
	bind_hostset(L, &p->sets);
	lua_setfield(L, -2, "tlsward");
	lua_pop(L, 1);
}

static int load_body(lua_State *L)
{
	struct lua_policy *p = lua_touserdata(L, 1);

	add_bindings(L, p);
	host_push_script(L, p->text, p->size);
	lua_call(L, 0, 1);
	lua_script_take(L, p->file, p->text, p->size, &p->table);
	lua_getfield(L, -1, "settings");
	bind_settings_defaults(L, &p->settings, p->file);
	return 0;
}

static enum host_result load(struct lua_policy *p)
{
	enum host_result r = host_open(p->host);

	if (r != HOST_OK)
		return r;
	p->sets.loading = true;
	r = host_run(p->host, load_body, p, HOST_LOAD_BUDGETS * p->limits.budget_us);
	p->sets.loading = false;
	if (r != HOST_OK)
		host_close(p->host);	/* half of a script is none */
	return r;
}

static int fill_sets(struct lua_policy *p, lua_find_set *find_set, void *data, char *err, size_t err_size)
{
	for (int i = 0; find_set && i < p->sets.n; i++) {
		struct hostset *set = find_set(data, p->sets.sets[i].name);
		if (!set) {
			snprintf(err, err_size, "%s: there is no host set \"%s\"", p->file, p->sets.sets[i].name);
			return -ENOENT;
		}
		bind_sets_put(&p->sets, p->sets.sets[i].name, set);
	}
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void *copy(const void *data, size_t size)
{
	void *p = malloc(size + 1);

	return p && size > 0 ? memcpy(p, data, size) : p;
}

/* Everything but the state. */
static struct lua_policy *make(const struct lua_script *script, const struct lua_limits *limits)
{
	struct lua_policy *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->limits = *limits;
	snprintf(p->file, sizeof p->file, "%s", base_name(script->path));
	snprintf(p->log.script, sizeof p->log.script, "%s", p->file);
	p->log.quota.per_s = BIND_LOG_PER_S;
	p->error_lines.per_s = ERROR_LINES_PER_S;
	p->text = copy(script->text, script->size);
	p->size = script->size;
	p->settings_data = copy(script->settings, script->settings_size);
	p->settings.data = p->settings_data;
	p->settings.size = script->settings_size;
	p->host = host_new(p->file, limits->memory);
	if (p->text && p->settings_data && p->host)
		return p;
	lua_policy_free(p);
	return NULL;
}

struct lua_policy *lua_policy_new(const struct lua_script *script, const struct lua_limits *limits,
	lua_find_set *find_set, void *data, char *err, size_t err_size)
{
	struct lua_policy *p = make(script, limits);

	if (!p) {
		snprintf(err, err_size, "%s: %s", base_name(script->path), strerror(errno));
		return NULL;
	}
	if (load(p) != HOST_OK)
		snprintf(err, err_size, "%s", host_error(p->host));
	else if (fill_sets(p, find_set, data, err, err_size) == 0)
		return p;
	lua_policy_free(p);
	return NULL;
}

void lua_policy_free(struct lua_policy *p)
{
	if (!p)
		return;
	host_free(p->host);
	bind_sets_clear(&p->sets);
	free(p->text);
	free(p->settings_data);
	free(p);
}

/* ---- what others ask of it ---- */

const char *lua_policy_name(const struct lua_policy *p) { return p->table.name; }
const char *lua_policy_file(const struct lua_policy *p) { return p->file; }

const char *lua_policy_set_name(const struct lua_policy *p, int i)
{
	return i >= 0 && i < p->sets.n ? p->sets.sets[i].name : NULL;
}

const char *lua_policy_wrong_setting(const struct lua_policy *p, int i, unsigned *index)
{
	if (i < 0 || i >= p->settings.wrong_n)
		return NULL;
	*index = p->settings.wrong[i].index;
	return p->settings.wrong[i].text;
}

void lua_policy_set(struct lua_policy *p, const char *name, struct hostset *set)
{
	bind_sets_put(&p->sets, name, set);
}

void lua_policy_account(struct lua_policy *p, struct ledger_policy *counts, struct ledger_head *doing)
{
	p->counts = counts;
	p->doing = doing;
	host_set_where(p->host, doing ? &doing->doing_line : NULL);
}

/* ---- asking ---- */

/* One question on its way through Lua. */
struct call {
	struct lua_policy *p;
	enum lua_hook hook;
	const struct policy_question *q;	/* NULL for LUA_HOOK_WORKER, */
	const struct policy_sick *sick;		/* which has this */
	void *answer;
	bool answered;
};

/* Returns how many it pushed. */
static int push_arguments(lua_State *L, struct call *c)
{
	if (c->sick) {
		bind_sample_push(L, c->sick);
		return 2;
	}
	bind_hello_push(L, &c->p->hello);
	return 1;
}

static int ask_body(lua_State *L)
{
	struct call *c = lua_touserdata(L, 1);

	host_set_line(c->p->host, c->p->table.lines[c->hook]);
	lua_rawgeti(L, LUA_REGISTRYINDEX, c->p->table.refs[c->hook]);
	lua_call(L, push_arguments(L, c), 2);
	lua_remove(L, 1);
	if (lua_isnil(L, 1))
		return 0;
	readers[c->hook](L, c->answer);
	c->answered = true;
	return 0;
}

static enum policy_result result_of(enum host_result r, bool answered)
{
	switch (r) {
	case HOST_OK: return answered ? POLICY_ANSWERED : POLICY_NO_OPINION;
	case HOST_OUT_OF_BUDGET: return POLICY_OUT_OF_BUDGET;
	case HOST_OUT_OF_MEMORY: return POLICY_OUT_OF_MEMORY;
	default: return POLICY_ERROR;
	}
}

static void count(struct ledger_policy *counts, enum lua_hook hook, enum policy_result r)
{
	static const enum result results[] = {
		[POLICY_ANSWERED] = RESULT_ANSWERED, [POLICY_NO_OPINION] = RESULT_NO_OPINION, [POLICY_ERROR] = RESULT_ERRORS,
		[POLICY_OUT_OF_BUDGET] = RESULT_OUT_OF_BUDGET, [POLICY_OUT_OF_MEMORY] = RESULT_OUT_OF_MEMORY,
	};

	ledger_add(&counts->calls[hook][results[r]], 1);
}

static void tell_error(struct lua_policy *p, enum lua_hook hook)
{
	struct log_line l;

	if (p->counts) {
		snprintf(p->counts->last_error, sizeof p->counts->last_error, "%s", host_error(p->host));
		ledger_set(&p->counts->error_ns, ledger_now_ns());
	}
	if (!quota_take(&p->error_lines, ledger_now_ns()))
		return;
	log_begin(&l, LOG_LEVEL_ERROR, "policy failed");
	log_str(&l, "script", p->file);
	log_str(&l, "function", lua_hook_name(hook));
	log_str(&l, "error", host_error(p->host));
	if (p->error_lines.withheld > 0)
		log_u64(&l, "withheld", p->error_lines.withheld);
	p->error_lines.withheld = 0;
	log_end(&l);
}

/* A state that was thrown away is made anew by the next call, not by the one that lost it. */
static enum host_result revive(struct lua_policy *p)
{
	uint64_t now = ledger_now_ns();

	if (host_is_open(p->host))
		return HOST_OK;
	if (now < p->retry_ns)		/* its error is still the host's */
		return HOST_ERROR;
	enum host_result r = load(p);
	if (r != HOST_OK)
		p->retry_ns = now + RETRY_NS;
	return r;
}

static enum host_result run(struct lua_policy *p, struct call *c)
{
	enum host_result r = revive(p);

	if (r != HOST_OK || p->table.refs[c->hook] == LUA_NOREF)
		return r;
	p->hello.q = c->q;
	r = host_run(p->host, ask_body, c, p->limits.budget_us);
	p->hello.q = NULL;
	p->hello.serial++;
	return r;
}

/* For whoever watches: a call that lasts is looked at by lua/ticks.c, which knows more than where it began. */
static void begin_doing(struct lua_policy *p, enum lua_hook hook)
{
	if (!p->doing)
		return;
	memcpy(p->doing->doing_script, p->file, sizeof p->file);
	__atomic_store_n(&p->doing->doing_line, (uint32_t)p->table.lines[hook], __ATOMIC_RELAXED);
}

static void end_doing(struct lua_policy *p)
{
	if (p->doing)
		__atomic_store_n(&p->doing->doing_line, 0, __ATOMIC_RELAXED);
}

static enum policy_result call(struct lua_policy *p, struct call *c, char *where)
{
	enum lua_hook hook = c->hook;

	if (host_is_open(p->host) && p->table.refs[hook] == LUA_NOREF)
		return POLICY_NO_OPINION;
	begin_doing(p, hook);
	enum host_result r = run(p, c);
	end_doing(p);
	int line = r == HOST_OK ? p->table.lines[hook] : host_error_line(p->host);
	snprintf(where, POLICY_WHERE, "%s:%d", p->file, line);
	enum policy_result result = result_of(r, c->answered);
	if (p->counts)
		count(p->counts, hook, result);
	if (r != HOST_OK)
		tell_error(p, hook);
	return result;
}

static enum policy_result ask(struct lua_policy *p, enum lua_hook hook, const struct policy_question *q, void *answer, char *where)
{
	struct call c = { .p = p, .hook = hook, .q = q, .answer = answer };

	return call(p, &c, where);
}

static enum policy_result on_allow(void *self, const struct policy_question *q, struct policy_allow *a)
{
	return ask(self, LUA_HOOK_ALLOW, q, a, a->where);
}

static enum policy_result on_timeouts(void *self, const struct policy_question *q, struct policy_timeouts *a)
{
	return ask(self, LUA_HOOK_TIMEOUTS, q, a, a->where);
}

static enum policy_result on_chain(void *self, const struct policy_question *q, struct policy_chain *a)
{
	return ask(self, LUA_HOOK_CHAIN, q, a, a->where);
}

static enum policy_result on_route(void *self, const struct policy_question *q, struct policy_route *a)
{
	return ask(self, LUA_HOOK_ROUTE, q, a, a->where);
}

static enum policy_result on_worker(void *self, const struct policy_sick *q, struct policy_worker *a)
{
	struct call c = { .p = self, .hook = LUA_HOOK_WORKER, .sick = q, .answer = a };

	return call(self, &c, a->where);
}

const struct policy_ops policy_lua = {
	.name = "lua",
	.version = POLICY_VERSION,
	.allow = on_allow,
	.timeouts = on_timeouts,
	.chain = on_chain,
	.route = on_route,
	.worker = on_worker,
};
