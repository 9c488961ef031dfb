# What the programs share. It includes nobody, and knows no role.
noinst_LIBRARIES += common/libcommon.a
common_libcommon_a_SOURCES = \
	common/addr.c common/addr.h \
	common/base64.c common/base64.h \
	common/buf.c common/buf.h \
	common/catalog.c common/catalog.h \
	common/chains.c common/chains.h \
	common/channel.c common/channel.h \
	common/deadlines.c common/deadlines.h \
	common/ends.c common/ends.h \
	common/fdpass.c common/fdpass.h \
	common/headcount.c common/headcount.h \
	common/hostset.c common/hostset.h \
	common/hostset_build.c common/hostset_build.h \
	common/idmap.c common/idmap.h \
	common/landlock.c common/landlock.h \
	common/ledger.c common/ledger.h \
	common/log.c common/log.h \
	common/memfd.c common/memfd.h \
	common/msg.c common/msg.h \
	common/names.c common/names.h \
	common/numbers.c common/numbers.h \
	common/role.c common/role.h \
	common/spki.c common/spki.h \
	common/staples.c common/staples.h \
	common/tcp.c common/tcp.h \
	common/text.c common/text.h
common_libcommon_a_SOURCES += common/faults.h
if FAULTS
common_libcommon_a_SOURCES += common/faults.c
endif
if SANITIZERS
common_libcommon_a_SOURCES += common/asan.c
endif

# Apart, because it needs libseccomp, which the supervisor does not link.
noinst_LIBRARIES += common/libsandbox.a
common_libsandbox_a_SOURCES = common/sandbox.c common/sandbox.h
common_libsandbox_a_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS)
