# The programs of the bench: `make bench-programs`, and `make check` for their
# test. Nothing of tlsward is in them; bench/common is only theirs.
bench_programs = bench-load bench-backend bench-certs bench-relay bench-echo bench-primitives
check_PROGRAMS += $(bench_programs)
bench-programs: $(bench_programs)
.PHONY: bench-programs

bench_load_SOURCES = \
	bench/common/address.c bench/common/address.h \
	bench/common/wire.c bench/common/wire.h \
	bench/load/client.c bench/load/client.h \
	bench/load/conn.c bench/load/conn.h \
	bench/load/histogram.c bench/load/histogram.h \
	bench/load/load.c bench/load/load.h \
	bench/load/main.c \
	bench/load/mode.c bench/load/mode.h \
	bench/load/options.c bench/load/options.h \
	bench/load/pace.c bench/load/pace.h \
	bench/load/report.c bench/load/report.h
bench_load_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS) $(JANSSON_CFLAGS)
bench_load_LDADD = $(OPENSSL_LIBS) $(JANSSON_LIBS) -lm

bench_backend_SOURCES = \
	bench/backend/main.c \
	bench/backend/serve.c bench/backend/serve.h \
	bench/common/address.c bench/common/address.h \
	bench/common/wire.c bench/common/wire.h

bench_certs_SOURCES = bench/certs/main.c
bench_certs_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
bench_certs_LDADD = $(OPENSSL_LIBS)
# Built with the tests, so that they do not rot, and run by hand.
check_PROGRAMS += bench/policy
bench_policy_SOURCES = bench/policy.c
bench_policy_CFLAGS = $(AM_CFLAGS)
bench_policy_LDADD = plugins/libpolicylua.a plugins/libpolicy.a lua/liblua-host.a \
	common/libcommon.a $(LUA_LIBS)

# The limits that are printed beside the peers.
bench_relay_SOURCES = bench/limits/relay.c bench/common/address.c bench/common/address.h
bench_echo_SOURCES = bench/limits/echo.c \
	bench/limits/signatures.c bench/limits/signatures.h \
	bench/common/address.c bench/common/address.h \
	bench/common/wire.c bench/common/wire.h
bench_echo_CFLAGS = $(AM_CFLAGS) $(GNUTLS_CFLAGS)
bench_echo_LDADD = $(GNUTLS_LIBS)
bench_primitives_SOURCES = bench/limits/primitives.c
bench_primitives_CFLAGS = $(AM_CFLAGS) $(GNUTLS_CFLAGS) $(NETTLE_CFLAGS) $(OPENSSL_CFLAGS) $(SODIUM_CFLAGS)
bench_primitives_LDADD = $(GNUTLS_LIBS) $(NETTLE_LIBS) $(OPENSSL_LIBS) $(SODIUM_LIBS)

# `make bench BENCH="--quick"`; see doc/bench.md.
BENCH =
bench: all $(bench_programs)
	TLSWARD_BUILD='$(abs_top_builddir)' TLSWARD_SRC='$(abs_top_srcdir)' $(srcdir)/bench/run $(BENCH)
.PHONY: bench
EXTRA_DIST += bench/run bench/profile bench/readme bench/deadlines bench/lib doc/bench.md
