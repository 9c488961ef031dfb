# workers/worker
# The worker's modules, apart from its main.c so that unit tests link them too.
noinst_LIBRARIES += workers/worker/libworker.a
workers_worker_libworker_a_SOURCES = \
	workers/worker/hello.c workers/worker/hello.h \
	workers/worker/hello_offers.c
