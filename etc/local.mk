# The demonstration that ./autogen.sh demo runs; it uses the tests' tools.
EXTRA_DIST += etc/demo/run etc/demo/backend

exampledir = $(docdir)/examples
dist_example_DATA = etc/tlsward.conf

# Completion for bash goes by the name of the command that it completes.
EXTRA_DIST += etc/tlswardctl.bash
bashcompletiondir = $(datadir)/bash-completion/completions
nodist_bashcompletion_DATA = etc/completions/tlswardctl
CLEANFILES += etc/completions/tlswardctl
etc/completions/tlswardctl: etc/tlswardctl.bash
	@$(MKDIR_P) etc/completions
	$(AM_V_GEN)cp $(srcdir)/etc/tlswardctl.bash $@
# For service managers. Folders below $(prefix): systemd reads those of /usr
# and /usr/local. s6/tlsward is a service directory to be copied.
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
initdir = $(sysconfdir)/init.d
s6dir = $(pkgdatadir)/s6/tlsward
dist_sysusers_DATA = etc/sysusers.d/tlsward.conf
dist_tmpfiles_DATA = etc/tmpfiles.d/tlsward.conf
dist_s6_DATA = etc/s6/notification-fd etc/s6/timeout-finish
dist_s6_SCRIPTS = etc/s6/finish
nodist_s6_SCRIPTS = etc/s6/run
nodist_init_SCRIPTS = etc/init.d/tlsward
dist_example_DATA += etc/tlsward.socket
if SYSTEMD_UNITS
nodist_systemdsystemunit_DATA = etc/tlsward.service
endif

service_files = etc/tlsward.service etc/s6/run etc/init.d/tlsward
$(service_files): %: $(srcdir)/%.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && sed -e 's|@sbindir[@]|$(sbindir)|g' \
		-e 's|@sysconfdir[@]|$(sysconfdir)|g' $(srcdir)/$@.in >$@.new && mv $@.new $@
all-local: $(service_files)
CLEANFILES += $(service_files)
EXTRA_DIST += etc/tlsward.service.in etc/s6/run.in etc/init.d/tlsward.in
