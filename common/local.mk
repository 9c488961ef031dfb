# What the programs share. It includes nobody, and knows no role.
noinst_LIBRARIES += common/libcommon.a
common_libcommon_a_SOURCES = \
	common/buf.c common/buf.h \
	common/channel.c common/channel.h \
	common/deadlines.c common/deadlines.h \
	common/fdpass.c common/fdpass.h \
	common/memfd.c common/memfd.h
