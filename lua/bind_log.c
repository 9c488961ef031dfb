/* SPDX-License-Identifier: BSD-2-Clause */
#include "lua/bind_log.h"

#include <lauxlib.h>

#include "common/ledger.h"
#include "common/log.h"
#include "lua/ticks.h"

static const char *const levels[] = { "debug", "info", "notice", "warning", "error", NULL };

static void write_line(struct bind_log *b, enum log_level level, const char *text, size_t size)
{
	struct log_line l;

	log_begin(&l, level, "policy");
	log_str(&l, "script", b->script);
	log_bytes(&l, "text", text, size < BIND_LOG_BYTES ? size : BIND_LOG_BYTES);
	if (b->quota.withheld > 0)
		log_u64(&l, "withheld", b->quota.withheld);
	b->quota.withheld = 0;
	log_end(&l);
}

/***
tlsward.log(level, text)

Writes a line to tlsward's log. level is "debug", "info", "notice", "warning"
or "error"; text is a string or a number, of which the first 1,024 bytes are
kept. A script may write 10 lines a second in each process; what is over that
is dropped, and the next line says how many were. Costs about 2 microseconds
for a line that is written.
*/
static int tlsward_log(lua_State *L)
{
	struct bind_log *b = lua_touserdata(L, lua_upvalueindex(1));
	int level = log_level_by_name(levels[luaL_checkoption(L, 1, NULL, levels)]);
	size_t size;
	const char *text = luaL_checklstring(L, 2, &size);

	ticks_hold();
	if (log_wants(level) && quota_take(&b->quota, ledger_now_ns()))
		write_line(b, level, text, size);
	ticks_release();
	return 0;
}

void bind_log(lua_State *L, struct bind_log *b)
{
	lua_pushlightuserdata(L, b);
	lua_pushcclosure(L, tlsward_log, 1);
	lua_setfield(L, -2, "log");
}
