# The librarian: certificates and names of backends. No key, no client.
role_PROGRAMS += tlsward-librarian
tlsward_librarian_SOURCES = \
	workers/librarian/main.c \
	workers/librarian/certs.c workers/librarian/certs.h \
	workers/librarian/pem.c workers/librarian/pem.h \
	workers/librarian/resolve.c workers/librarian/resolve.h \
	workers/librarian/round.c workers/librarian/round.h \
	workers/librarian/segment.c workers/librarian/segment.h \
	workers/librarian/set.c workers/librarian/set.h
tlsward_librarian_CFLAGS = $(AM_CFLAGS) $(GNUTLS_CFLAGS)
tlsward_librarian_LDADD = common/libcommon.a common/libsandbox.a $(GNUTLS_LIBS) $(SECCOMP_LIBS)
