# The demonstration that ./autogen.sh demo runs; it uses the tests' tools.
EXTRA_DIST += etc/demo/run etc/demo/backend

exampledir = $(docdir)/examples
dist_example_DATA = etc/tlsward.conf
