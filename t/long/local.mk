# `make check-long`: what takes longer than a person waits for after a change.
# Each step is a target of its own; the last one ends with prove's summary.
LONG_STEPS = check-clang check-sanitizers fuzz-short check-valgrind check-long-tests
.PHONY: check-long check-programs $(LONG_STEPS)

check-long: all
	@set -e; for step in $(LONG_STEPS); do \
		echo "== $$step"; $(MAKE) $(AM_MAKEFLAGS) $$step; \
	done

# Other builds of the same sources are made from what a release would hold:
# a source tree that is configured itself cannot be built elsewhere as well.
check-clang:
	$(MAKE) $(AM_MAKEFLAGS) distdir distdir=b-source
	rm -rf b-clang && mkdir b-clang
	cd b-clang && ../b-source/configure -q CC=clang-14 CFLAGS='-g -O2 -Werror'
	cd b-clang && $(MAKE) $(AM_MAKEFLAGS) all check-programs

check-sanitizers:
	$(MAKE) $(AM_MAKEFLAGS) distdir distdir=b-source
	rm -rf b-sanitize && mkdir b-sanitize
	cd b-sanitize && ../b-source/configure -q --enable-sanitizers --enable-faults CFLAGS='-g -O1'
	cd b-sanitize && $(MAKE) $(AM_MAKEFLAGS) check

check-programs: $(check_PROGRAMS)

# valgrind does not know seccomp(2), which is all that t/unit/sandbox is about.
# What the others measure is time or the process itself; t/unit/witness_collect
# looks at children, which would be valgrind. The worker itself runs under it in
# t/long/leaks.t.
valgrind_left_out = t/unit/sandbox t/unit/lua_host t/unit/lua_policy t/unit/lua_answer \
	t/unit/lua_hostset t/unit/lua_log t/unit/operator t/unit/sample t/unit/witness_collect
check-valgrind: $(unit_tests)
	@set -e; for test in $(filter-out $(valgrind_left_out),$(unit_tests)); do \
		echo "valgrind $$test"; \
		$(PROVE_ENV) valgrind -q --error-exitcode=99 \
			--leak-check=full --errors-for-leak-kinds=definite \
			./$$test >b-valgrind.log 2>&1 || { cat b-valgrind.log; exit 1; }; \
	done; rm -f b-valgrind.log

# LONG_TESTS=t/long/gigabytes.t narrows it.
long_tests = $(sort $(wildcard $(srcdir)/t/long/*.t))
check-long-tests: all check-programs
	$(PROVE_ENV) $(PROVE) -e '$(srcdir)/t/lib/run-test' --timer $(if $(LONG_TESTS),$(LONG_TESTS),$(long_tests))

clean-local:
	rm -rf b-clang b-sanitize b-source b-valgrind.log b-faults b-faults-source

EXTRA_DIST += $(long_tests) t/long/valgrind.supp
