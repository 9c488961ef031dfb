# The librarian: certificates and names of backends. No key, no client.
role_PROGRAMS += tlsward-librarian
tlsward_librarian_SOURCES = \
	workers/librarian/main.c workers/librarian/librarian.h \
	workers/librarian/current.c workers/librarian/disk.c \
	workers/librarian/acme.c workers/librarian/acme.h workers/librarian/acme_inside.h \
	workers/librarian/acme_orders.c \
	workers/librarian/acme_files.c workers/librarian/acme_files.h \
	workers/librarian/acme_names.c workers/librarian/acme_names.h \
	workers/librarian/acme_segment.c workers/librarian/acme_segment.h \
	workers/librarian/acme_when.c workers/librarian/acme_when.h \
	workers/librarian/hook_call.c workers/librarian/hook.h \
	workers/librarian/order.c workers/librarian/order.h \
	workers/librarian/runner.c workers/librarian/runner.h \
	workers/librarian/answer.c workers/librarian/answer.h \
	workers/librarian/build.c workers/librarian/build.h \
	workers/librarian/cache.c workers/librarian/cache.h \
	workers/librarian/certs.c workers/librarian/certs.h \
	workers/librarian/challenge.c workers/librarian/challenge.h \
	workers/librarian/confine.c workers/librarian/confine.h \
	workers/librarian/change.c workers/librarian/change.h \
	workers/librarian/fetch.c workers/librarian/fetch.h \
	workers/librarian/fetches.c workers/librarian/fetches.h \
	workers/librarian/file.c workers/librarian/file.h \
	workers/librarian/pem.c workers/librarian/pem.h \
	workers/librarian/reach.c workers/librarian/reach.h \
	workers/librarian/record.c workers/librarian/record.h \
	workers/librarian/remarks.c workers/librarian/remarks.h \
	workers/librarian/resolve.c workers/librarian/resolve.h \
	workers/librarian/resume.c workers/librarian/resume.h \
	workers/librarian/responder.c workers/librarian/responder.h \
	workers/librarian/restaple.c workers/librarian/restaple.h \
	workers/librarian/retry.c workers/librarian/retry.h \
	workers/librarian/round.c workers/librarian/round.h workers/librarian/round_inside.h \
	workers/librarian/round_again.c \
	workers/librarian/saved.c workers/librarian/saved.h \
	workers/librarian/segment.c workers/librarian/segment.h workers/librarian/segment_inside.h \
	workers/librarian/segment_layout.c \
	workers/librarian/links.c workers/librarian/links.h \
	workers/librarian/set.c workers/librarian/set.h \
	workers/librarian/sources.c workers/librarian/sources.h \
	workers/librarian/stock.c workers/librarian/stock.h \
	workers/librarian/staple.c workers/librarian/staple.h \
	workers/librarian/stapled.c workers/librarian/stapled.h \
	workers/librarian/staples.c workers/librarian/staples.h \
	workers/librarian/storefile.c workers/librarian/storefile.h \
	workers/librarian/words.c workers/librarian/words.h
tlsward_librarian_CPPFLAGS = $(AM_CPPFLAGS) -DUACME='"$(UACME)"'
tlsward_librarian_CFLAGS = $(AM_CFLAGS) $(GNUTLS_CFLAGS) $(CURL_CFLAGS)
tlsward_librarian_LDADD = plugins/libchain.a common/libcommon.a common/libsandbox.a $(GNUTLS_LIBS) $(CURL_LIBS) $(SECCOMP_LIBS)

# What uacme calls for each challenge: no library at all.
role_PROGRAMS += tlsward-acme-hook
tlsward_acme_hook_SOURCES = workers/librarian/hook.c workers/librarian/hook.h
tlsward_acme_hook_LDADD =
