/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/policy/lua_answer.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "plugins/policy/policy.h"

#define DEADLINE_MIN_S 0.05	/* as in the configuration */
#define DEADLINE_MAX_S (7 * 86400.0)
#define WAIT_MAX_S 60.0

/* Alerts that a refusal may be (RFC 8446 6, RFC 7301 3.2). */
static const struct { const char *name; uint8_t number; } alerts[] = {
	{ "unrecognized_name", 112 },	/* first: what a plain false is */
	{ "access_denied", 49 },
	{ "handshake_failure", 40 },
	{ "illegal_parameter", 47 },
	{ "insufficient_security", 71 },
	{ "internal_error", 80 },
	{ "no_application_protocol", 120 },
	{ "protocol_version", 70 },
};

static uint8_t alert_by_name(lua_State *L, const char *name)
{
	for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++)
		if (strcmp(alerts[i].name, name) == 0)
			return alerts[i].number;
	return (uint8_t)luaL_error(L, "allow: '%s' is no alert that a refusal may be", name);
}

void lua_answer_allow(lua_State *L, void *answer)
{
	struct policy_allow *a = answer;

	if (lua_type(L, 1) != LUA_TBOOLEAN)
		luaL_error(L, "allow returned a %s, not true, false or nil", luaL_typename(L, 1));
	a->allowed = lua_toboolean(L, 1);
	a->alert = alerts[0].number;
	if (lua_isnil(L, 2))
		return;
	if (a->allowed)
		luaL_error(L, "allow returned true with a second value");
	if (lua_type(L, 2) != LUA_TSTRING)
		luaL_error(L, "allow returned false with a %s, not the name of an alert", luaL_typename(L, 2));
	a->alert = alert_by_name(L, lua_tostring(L, 2));
}

/* The key at -2 of a table that is gone through, as a string; no conversion, lua_next forbids it. */
static const char *string_key(lua_State *L, const char *hook)
{
	if (lua_type(L, -2) != LUA_TSTRING)
		luaL_error(L, "%s: a key is a %s, not a name", hook, luaL_typename(L, -2));
	return lua_tostring(L, -2);
}

static void must_be_table(lua_State *L, const char *hook)
{
	if (lua_type(L, 1) != LUA_TTABLE)
		luaL_error(L, "%s returned a %s, not a table", hook, luaL_typename(L, 1));
}

static uint32_t seconds(lua_State *L, const char *hook, const char *key, double min, double max, bool zero)
{
	if (lua_type(L, -1) != LUA_TNUMBER)
		luaL_error(L, "%s: %s is a %s, not a number of seconds", hook, key, luaL_typename(L, -1));
	double s = lua_tonumber(L, -1);
	if (zero && s == 0)
		return 0;
	if (!(s >= min && s <= max))
		luaL_error(L, "%s: %s is not from %f to %f seconds%s", hook, key, min, max, zero ? ", nor 0" : "");
	return (uint32_t)(s * 1000 + 0.5);
}

static void take_deadline(lua_State *L, struct policy_timeouts *a)
{
	const char *key = string_key(L, "timeouts");
	enum deadline d = deadline_by_name(key);

	if (d == DEADLINE_COUNT)
		luaL_error(L, "timeouts: there is no deadline '%s'", key);
	if (d == DEADLINE_HELLO || d == DEADLINE_DRAIN)
		luaL_error(L, "timeouts: '%s' cannot be set for a connection", key);
	a->deadlines.ms[d] = seconds(L, "timeouts", key, DEADLINE_MIN_S, DEADLINE_MAX_S, deadline_may_be_zero(d));
}

void lua_answer_timeouts(lua_State *L, void *answer)
{
	must_be_table(L, "timeouts");
	for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
		take_deadline(L, answer);
}

/* ---- chain ---- */

static void add_source(lua_State *L, struct policy_chain *a, const char *name)
{
	enum chain_source s = chain_source_by_name(name);

	if (s == CHAIN_SOURCE_COUNT)
		luaL_error(L, "chain: there is no source '%s'", name);
	if (!chain_order_add(&a->sources, s))
		luaL_error(L, "chain: source '%s' is there twice", name);
}

static void take_sources(lua_State *L, struct policy_chain *a)
{
	lua_Unsigned n = lua_rawlen(L, 1);

	if (n == 0 || n > CHAIN_SOURCE_COUNT)
		luaL_error(L, "chain: not from 1 to %d sources", CHAIN_SOURCE_COUNT);
	for (lua_Unsigned i = 1; i <= n; i++) {
		if (lua_rawgeti(L, 1, (lua_Integer)i) != LUA_TSTRING)
			luaL_error(L, "chain: source %d is a %s, not a name", (int)i, luaL_typename(L, -1));
		add_source(L, a, lua_tostring(L, -1));
		lua_pop(L, 1);
	}
}

static enum chain_incomplete incomplete_by_name(lua_State *L)
{
	static const char *const names[] = { [CHAIN_SERVE] = "serve", [CHAIN_REFUSE] = "refuse", [CHAIN_HOLD] = "hold" };

	if (lua_type(L, -1) == LUA_TSTRING)
		for (int i = 0; i < 3; i++)
			if (strcmp(names[i], lua_tostring(L, -1)) == 0)
				return i;
	return luaL_error(L, "chain: incomplete is not \"serve\", \"refuse\" or \"hold\"");
}

/* What is in the table beside the array. */
static void take_option(lua_State *L, struct policy_chain *a)
{
	if (lua_isinteger(L, -2) && lua_tointeger(L, -2) >= 1 && lua_tointeger(L, -2) <= a->sources.n)
		return;
	const char *key = string_key(L, "chain");
	if (strcmp(key, "incomplete") == 0)
		a->incomplete = incomplete_by_name(L);
	else if (strcmp(key, "wait") == 0)
		a->wait_ms = seconds(L, "chain", key, DEADLINE_MIN_S, WAIT_MAX_S, false);
	else
		luaL_error(L, "chain: there is no option '%s'", key);
}

void lua_answer_chain(lua_State *L, void *answer)
{
	struct policy_chain *a = answer;

	must_be_table(L, "chain");
	a->sources.n = 0;
	a->incomplete = CHAIN_SERVE;
	a->wait_ms = 0;
	take_sources(L, a);
	for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
		take_option(L, a);
	if ((a->incomplete == CHAIN_HOLD) != (a->wait_ms > 0))
		luaL_error(L, a->wait_ms ? "chain: wait is only for incomplete = \"hold\"" : "chain: \"hold\" needs wait");
}

void lua_answer_route(lua_State *L, void *answer)
{
	struct policy_route *a = answer;
	size_t size;

	if (lua_type(L, 1) != LUA_TSTRING)
		luaL_error(L, "route returned a %s, not the name of a backend", luaL_typename(L, 1));
	const char *name = lua_tolstring(L, 1, &size);
	if (size == 0 || size >= sizeof a->backend || strlen(name) != size)
		luaL_error(L, "route returned no name of a backend");
	snprintf(a->backend, sizeof a->backend, "%s", name);
}

void lua_answer_worker(lua_State *L, void *answer)
{
	static const struct { const char *word; enum treatment treatment; } words[] = {
		{ "keep", TREATMENT_KEEP }, { "drain", TREATMENT_DRAIN }, { "replace", TREATMENT_REPLACE },
	};
	struct policy_worker *a = answer;

	if (lua_type(L, 1) == LUA_TSTRING) {
		for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
			if (strcmp(words[i].word, lua_tostring(L, 1)) == 0) {
				a->treatment = words[i].treatment;
				return;
			}
		}
	}
	luaL_error(L, "worker returned something else than \"keep\", \"drain\" or \"replace\"");
}
