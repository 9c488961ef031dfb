/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plugins of kind `policy`: who may connect, within which deadlines, to which
 * backend. A plugin is a constant table of hooks, each of which may be absent.
 * Hooks are called once per connection, on the complete ClientHello, before
 * any TLS object exists; they must not block, and may keep nothing they are
 * given. Plugins are asked in order, the first opinion counts; the
 * configuration (fixed.c) answers last and always has one.
 */
#ifndef PLUGINS_POLICY_POLICY_H
#define PLUGINS_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/deadlines.h"

#define POLICY_VERSION 1

/* What is known of a connection when it is decided upon; lent for the call. */
struct policy_question {
	const char *sni;		/* normalized, or NULL */
	const struct sockaddr *peer;
	const char *listener;		/* its name */
	const char *default_certificate;	/* the listener's, or NULL */
	const char *backend;		/* the listener's */
	const struct deadlines *deadlines;	/* the listener's */
	bool covered;			/* a certificate covers sni (without sni: default_certificate) */
};

enum policy_verdict { POLICY_NO_OPINION, POLICY_ALLOW, POLICY_REFUSE };

struct policy_answer {
	enum policy_verdict verdict;
	uint8_t alert;			/* with POLICY_REFUSE: TLS alert (RFC 8446 6) */
	const char *where;		/* what decided, for people; lives as long as the policy */
};

struct policy_ops {
	const char *name;
	unsigned version;		/* POLICY_VERSION */
	void (*allow)(void *self, const struct policy_question *q, struct policy_answer *a);
	/* Sets the members it has an opinion on; the rest holds the listener's. */
	void (*timeouts)(void *self, const struct policy_question *q, struct deadlines *d);
	/* A backend's name, or NULL for no opinion. */
	const char *(*route)(void *self, const struct policy_question *q);
};

struct policy {
	const struct policy_ops *ops;
	void *self;
};

/* Ask the policies of a NULL-terminated list in order. */
void policy_allow(const struct policy *list, const struct policy_question *q, struct policy_answer *a);
void policy_timeouts(const struct policy *list, const struct policy_question *q, struct deadlines *d);
const char *policy_route(const struct policy *list, const struct policy_question *q);

extern const struct policy_ops policy_fixed;

#endif
