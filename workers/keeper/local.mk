# The link line is the privilege map: no event loop, no network library.
# t/local.mk uses keeper_parts and the two signers for its tests.
keeper_parts = \
	workers/keeper/acme.c workers/keeper/acme.h \
	workers/keeper/der.c workers/keeper/der.h \
	workers/keeper/forms.c workers/keeper/forms.h \
	workers/keeper/heap.c workers/keeper/heap.h \
	workers/keeper/keycache.c workers/keeper/keycache.h \
	workers/keeper/keyfile.c workers/keeper/keyfile.h \
	workers/keeper/keystore.c workers/keeper/keystore.h \
	workers/keeper/pemsplit.c workers/keeper/pemsplit.h \
	workers/keeper/request.c workers/keeper/request.h \
	workers/keeper/server.c workers/keeper/server.h \
	workers/keeper/sign.h

role_PROGRAMS += tlsward-keeper
tlsward_keeper_SOURCES = $(keeper_parts) \
	workers/keeper/main.c \
	workers/keeper/signer.c workers/keeper/signer.h
if SIGNER_LIBCRYPTO
tlsward_keeper_SOURCES += workers/keeper/sign_libcrypto.c workers/keeper/spki_libcrypto.c workers/keeper/spki_libcrypto.h
keeper_cflags = $(CRYPTO_CFLAGS)
keeper_crypto = $(CRYPTO_LIBS)
else
tlsward_keeper_SOURCES += workers/keeper/sign_gnutls.c
keeper_cflags = $(GNUTLS_CFLAGS)
keeper_crypto = $(GNUTLS_LIBS)
endif
tlsward_keeper_CFLAGS = $(AM_CFLAGS) $(keeper_cflags)
tlsward_keeper_LDADD = common/libcommon.a common/libsandbox.a $(keeper_crypto) $(SECCOMP_LIBS)
# The one that was not chosen is built by its test.
EXTRA_DIST += workers/keeper/sign_libcrypto.c workers/keeper/spki_libcrypto.c workers/keeper/spki_libcrypto.h workers/keeper/sign_gnutls.c
