# Plugins are constant tables; a program names those it links in one file.
noinst_LIBRARIES += plugins/libpolicy.a
plugins_libpolicy_a_SOURCES = \
	plugins/policy/policy.c plugins/policy/policy.h \
	plugins/policy/fixed.c

# Apart, because it needs Lua, which only workers and the advisor link.
noinst_LIBRARIES += plugins/libpolicylua.a
plugins_libpolicylua_a_SOURCES = \
	plugins/policy/lua.c plugins/policy/lua.h \
	plugins/policy/lua_answer.c plugins/policy/lua_answer.h \
	plugins/policy/lua_list.c plugins/policy/lua_list.h \
	plugins/policy/lua_script.c plugins/policy/lua_script.h
plugins_libpolicylua_a_CFLAGS = $(AM_CFLAGS) $(LUA_CFLAGS)

# Detectors of sick processes: pure functions of series of samples.
noinst_LIBRARIES += plugins/libdetect.a
plugins_libdetect_a_SOURCES = \
	plugins/detect/cpu_spin.c \
	plugins/detect/crash.c plugins/detect/crash.h \
	plugins/detect/detect.h \
	plugins/detect/fd_leak.c \
	plugins/detect/list.c plugins/detect/list.h \
	plugins/detect/memory.c \
	plugins/detect/series.c plugins/detect/series.h \
	plugins/detect/stall.c
# Sources of chains, for the librarian, which lists them in its sources.c.
noinst_LIBRARIES += plugins/libchain.a
plugins_libchain_a_SOURCES = \
	plugins/chain/acme.c \
	plugins/chain/cert.c plugins/chain/cert.h \
	plugins/chain/chain.c plugins/chain/chain.h \
	plugins/chain/fetched.c \
	plugins/chain/file.c \
	plugins/chain/pool.c plugins/chain/pool.h \
	plugins/chain/store.c
plugins_libchain_a_CFLAGS = $(AM_CFLAGS) $(GNUTLS_CFLAGS)
