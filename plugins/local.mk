# Plugins are constant tables; a program names those it links in one file.
noinst_LIBRARIES += plugins/libpolicy.a
plugins_libpolicy_a_SOURCES = \
	plugins/policy/policy.c plugins/policy/policy.h \
	plugins/policy/fixed.c
