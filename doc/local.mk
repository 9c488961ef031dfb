dist_man_MANS += doc/tlsward.8
