/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plain tables: the call is rare, and they may be kept. A field that is not
 * there is a mistake of the script, and an error.
 */
#include "lua/bind_sample.h"

#include <lauxlib.h>

static int no_field(lua_State *L)
{
	return luaL_error(L, "%s has no field '%s'", lua_tostring(L, lua_upvalueindex(1)), luaL_tolstring(L, 2, NULL));
}

/* Of the table on top of the stack. */
static void refuse_others(lua_State *L, const char *name)
{
	lua_createtable(L, 0, 1);
	lua_pushstring(L, name);
	lua_pushcclosure(L, no_field, 1);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
}

static void set_text(lua_State *L, const char *name, const char *text)
{
	lua_pushstring(L, text);
	lua_setfield(L, -2, name);
}

static void set_count(lua_State *L, const char *name, uint64_t v)
{
	lua_pushinteger(L, (lua_Integer)v);
	lua_setfield(L, -2, name);
}

static void set_number(lua_State *L, const char *name, double v)
{
	lua_pushnumber(L, v);
	lua_setfield(L, -2, name);
}

static void set_flag(lua_State *L, const char *name, bool v)
{
	lua_pushboolean(L, v);
	lua_setfield(L, -2, name);
}

/***
sample.role, worker, generation, uptime, cpu, waited_for_cpu, memory,
descriptors, descriptors_known, descriptors_limit, heartbeat_age, connections,
overdue, bytes, handshakes, accepts, wakeups, spurious_wakeups, stopped,
waits_for_keeper

The last look at the process. role is a string, worker the number of a worker,
0 for the others; uptime and heartbeat_age are seconds, cpu and waited_for_cpu
shares of the last interval, memory is bytes; counters are since its start.
*/
static void push_sample(lua_State *L, const struct policy_sick *q)
{
	lua_createtable(L, 0, 20);
	set_text(L, "role", q->role);
	set_count(L, "worker", q->worker);
	set_count(L, "generation", q->generation);
	set_number(L, "uptime", q->uptime_s);
	set_number(L, "cpu", q->cpu_share);
	set_number(L, "waited_for_cpu", q->waited_share);
	set_count(L, "memory", q->memory_bytes);
	set_count(L, "descriptors", q->fds);
	set_count(L, "descriptors_known", q->fds_known);
	set_count(L, "descriptors_limit", q->fds_limit);
	set_number(L, "heartbeat_age", q->heartbeat_age_s);
	set_count(L, "connections", q->connections);
	set_count(L, "overdue", q->overdue);
	set_count(L, "bytes", q->bytes);
	set_count(L, "handshakes", q->handshakes);
	set_count(L, "accepts", q->accepts);
	set_count(L, "wakeups", q->wakeups);
	set_count(L, "spurious_wakeups", q->spurious);
	set_flag(L, "stopped", q->stopped);
	set_flag(L, "waits_for_keeper", q->waits_for_keeper);
	refuse_others(L, "sample");
}

/***
verdict.kind, numbers, since

What was seen: "fd_leak", "cpu_spin", "stall" or "memory"; the numbers that led
to it, as text for a log line; and how many seconds ago it began.
*/
static void push_verdict(lua_State *L, const struct policy_sick *q)
{
	lua_createtable(L, 0, 3);
	set_text(L, "kind", q->verdict);
	set_text(L, "numbers", q->numbers);
	set_number(L, "since", q->since_s);
	refuse_others(L, "verdict");
}

void bind_sample_push(lua_State *L, const struct policy_sick *q)
{
	push_sample(L, q);
	push_verdict(L, q);
}
