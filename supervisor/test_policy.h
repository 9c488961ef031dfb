/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tlsward --test-policy: what one script would decide, told by an advisor that
 * is started for it alone. No server, no privileges, nothing in the loop: it
 * may block.
 */
#ifndef SUPERVISOR_TEST_POLICY_H
#define SUPERVISOR_TEST_POLICY_H

#include <stdbool.h>

struct test_policy {
	const char *script;
	const char *conf;		/* a configuration, or NULL for defaults */
	const char *sni, *from, *alpn, *listener;	/* NULL: not given */
	bool json;
};

enum test_policy_exit {
	TEST_POLICY_FINE = 0,		/* it allows the connection, or has no opinion */
	TEST_POLICY_REFUSES = 1,
	TEST_POLICY_USAGE = 2,
	TEST_POLICY_BROKEN = 3		/* the script, or a host set of it; or tlsward could not ask */
};

/* Prints the answers, or what is wrong; returns an enum test_policy_exit. */
int test_policy(const struct test_policy *t);

#endif
