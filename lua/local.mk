# The border between C and Lua. Programs that link it link LUA_LIBS too.
noinst_LIBRARIES += lua/liblua-host.a
lua_liblua_host_a_SOURCES = \
	lua/arena.c lua/arena.h \
	lua/bind_hello.c lua/bind_hello.h \
	lua/bind_hostset.c lua/bind_hostset.h \
	lua/bind_log.c lua/bind_log.h \
	lua/bind_settings.c lua/bind_settings.h \
	lua/bind_sample.c lua/bind_sample.h \
	lua/host.c lua/host.h \
	lua/interrupted.c lua/interrupted.h \
	lua/quota.c lua/quota.h \
	lua/ticks.c lua/ticks.h
lua_liblua_host_a_CFLAGS = $(AM_CFLAGS) $(LUA_CFLAGS)

# Scripts to start from; the tests load them.
examplesdir = $(docdir)/examples
dist_examples_DATA = \
	lua/examples/frontdoor.lua lua/examples/hosts.txt \
	lua/examples/patience.lua \
	lua/examples/routes.lua lua/examples/internal.txt \
	lua/examples/timeouts.lua
