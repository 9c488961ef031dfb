# The worker: clients' bytes, TLS, policy. No key, no resolver, no file.
# Its modules are apart from main.c so that unit tests link them too.
noinst_LIBRARIES += workers/worker/libworker.a
workers_worker_libworker_a_SOURCES = \
	workers/worker/acme.c workers/worker/acme.h \
	workers/worker/accept.c workers/worker/accept.h \
	workers/worker/backend.c workers/worker/backend.h \
	workers/worker/certs.c workers/worker/certs.h \
	workers/worker/holds.c workers/worker/holds.h \
	workers/worker/closing.c \
	workers/worker/conn.c workers/worker/conn.h \
	workers/worker/connecting.c \
	workers/worker/deciding.c \
	workers/worker/endlog.c workers/worker/endlog.h \
	workers/worker/flow.c workers/worker/flow.h \
	workers/worker/gone.c workers/worker/gone.h \
	workers/worker/hello.c workers/worker/hello.h \
	workers/worker/hello_offers.c \
	workers/worker/hup.c workers/worker/hup.h \
	workers/worker/keeper_client.c workers/worker/keeper_client.h \
	workers/worker/limits.c workers/worker/limits.h \
	workers/worker/messages.c workers/worker/messages.h \
	workers/worker/opening.c \
	workers/worker/policies.c workers/worker/policies.h \
	workers/worker/proxy.c workers/worker/proxy.h \
	workers/worker/relay.c \
	workers/worker/spill.c workers/worker/spill.h \
	workers/worker/timing.c \
	workers/worker/tls.c workers/worker/tls.h \
	workers/worker/update.c workers/worker/update.h \
	workers/worker/watching.c \
	workers/worker/worker.c workers/worker/worker.h \
	workers/worker/x25519.c workers/worker/x25519.h
workers_worker_libworker_a_SOURCES += workers/worker/faults.h
if FAULTS
workers_worker_libworker_a_SOURCES += workers/worker/faults.c
endif
workers_worker_libworker_a_CFLAGS = $(AM_CFLAGS) $(GNUTLS_CFLAGS) $(SODIUM_CFLAGS) $(NETTLE_CFLAGS)

role_PROGRAMS += tlsward-worker
tlsward_worker_SOURCES = workers/worker/main.c
tlsward_worker_CFLAGS = $(AM_CFLAGS) $(GNUTLS_CFLAGS)
tlsward_worker_LDADD = workers/worker/libworker.a plugins/libpolicylua.a plugins/libpolicy.a \
	lua/liblua-host.a common/libcommon.a common/libsandbox.a \
	$(LUA_LIBS) $(GNUTLS_LIBS) $(SODIUM_LIBS) $(EV_LIBS) $(SECCOMP_LIBS)
