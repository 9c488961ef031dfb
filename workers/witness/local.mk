# The witness: looks at one sick process, writes one report. libdw is for
# stack samples, libseccomp also for the names of system calls.
noinst_LIBRARIES += workers/witness/libwitness.a
workers_witness_libwitness_a_SOURCES = \
	workers/witness/collect.c workers/witness/collect.h \
	workers/witness/fds.c workers/witness/fds.h \
	workers/witness/missing.c workers/witness/missing.h \
	workers/witness/owners.c workers/witness/owners.h \
	workers/witness/proc.c workers/witness/proc.h \
	workers/witness/profile.c workers/witness/profile.h \
	workers/witness/report.c workers/witness/report.h \
	workers/witness/sockets.c workers/witness/sockets.h \
	workers/witness/stacks.c workers/witness/stacks.h \
	workers/witness/store.c workers/witness/store.h \
	workers/witness/tracee.c workers/witness/tracee.h \
	common/json_text.c common/json_text.h
workers_witness_libwitness_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(LIBDW_CFLAGS) $(SECCOMP_CFLAGS)

role_PROGRAMS += tlsward-witness
tlsward_witness_SOURCES = workers/witness/main.c
tlsward_witness_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tlsward_witness_LDADD = workers/witness/libwitness.a common/libcommon.a common/libsandbox.a \
	$(JANSSON_LIBS) $(LIBDW_LIBS) $(SECCOMP_LIBS)
