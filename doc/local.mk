dist_man_MANS += doc/tlsward.8 doc/tlsward.conf.5
EXTRA_DIST += doc/messages.md doc/processes.md doc/progress.md doc/threats.md doc/dependencies.md
dist_man_MANS += doc/tlswardctl.1
dist_man_MANS += doc/tlsward-policy.7
