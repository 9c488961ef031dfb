# Built with the tests, so that they do not rot, and run by hand.
check_PROGRAMS += bench/policy
bench_policy_SOURCES = bench/policy.c
bench_policy_CFLAGS = $(AM_CFLAGS)
bench_policy_LDADD = plugins/libpolicylua.a plugins/libpolicy.a lua/liblua-host.a \
	common/libcommon.a $(LUA_LIBS)
