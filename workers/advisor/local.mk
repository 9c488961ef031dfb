# The advisor: policy off the data path. No client, no network, no file.
role_PROGRAMS += tlsward-advisor
tlsward_advisor_SOURCES = \
	workers/advisor/check.c workers/advisor/check.h \
	workers/advisor/explain.c workers/advisor/explain.h \
	workers/advisor/main.c
tlsward_advisor_CFLAGS = $(AM_CFLAGS) $(LUA_CFLAGS)
tlsward_advisor_LDADD = plugins/libpolicylua.a plugins/libpolicy.a lua/liblua-host.a \
	common/libcommon.a common/libsandbox.a $(LUA_LIBS) $(SECCOMP_LIBS)
