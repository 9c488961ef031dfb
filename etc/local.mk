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
