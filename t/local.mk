# `make check` is one call of prove over the unit tests and the tests of the
# running system. TESTS='t/unit/buf t/relay.t' narrows it.
#
# A unit test is t/unit/NAME.c (cmocka) for the module NAME.c; add it to
# unit_tests and say what it links.
system_tests = $(sort $(wildcard $(srcdir)/t/*.t))
TESTS_RUN = $(if $(TESTS),$(TESTS),$(unit_tests) $(system_tests))

if HAVE_CMOCKA
check_PROGRAMS += $(unit_tests)
unit_cflags = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
unit_ldadd = $(CMOCKA_LIBS)

unit_tests += t/unit/buf
t_unit_buf_SOURCES = t/unit/buf.c
t_unit_buf_CFLAGS = $(unit_cflags)
t_unit_buf_LDADD = common/libcommon.a $(unit_ldadd)

unit_tests += t/unit/catalog
t_unit_catalog_SOURCES = t/unit/catalog.c
t_unit_catalog_CFLAGS = $(unit_cflags)
t_unit_catalog_LDADD = common/libcommon.a $(unit_ldadd)
endif

PROVE_FLAGS = --timer -j 2
check-local: all
	CMOCKA_MESSAGE_OUTPUT=TAP TLSWARD_BUILD='$(abs_top_builddir)' \
	TLSWARD_SRC='$(abs_top_srcdir)' \
	PERL5LIB="$(abs_top_srcdir)/t/lib$${PERL5LIB:+:$$PERL5LIB}" \
	$(PROVE) -e '' $(PROVE_FLAGS) $(TESTS_RUN)

EXTRA_DIST += $(system_tests) t/lib
