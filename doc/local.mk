dist_man_MANS += doc/tlsward.8
EXTRA_DIST += doc/messages.md
