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

#include "common/chains.h"
#include "common/deadlines.h"
#include "common/msg.h"

#define POLICY_VERSION 1

struct bytes_view { const uint8_t *data; size_t size; };

/* What is known of a connection when it is decided upon; lent for the call. */
struct policy_question {
	const char *sni;		/* normalized, or NULL */
	const struct sockaddr *peer;
	uint16_t port;			/* the client's */
	const char *listener;		/* its name */
	const struct bytes_view *alpn; size_t alpn_n;	/* offered, in the client's order */
	const uint16_t *versions; size_t versions_n;	/* 0x0304, ... */
	const uint16_t *ciphers; size_t ciphers_n;	/* IANA numbers */
	int64_t time_s;			/* Unix */
	const char *default_certificate;	/* the listener's, or NULL */
	const char *backend;		/* the listener's */
	const struct deadlines *deadlines;	/* the listener's */
	const struct chain_order *chain_sources;	/* the configuration's */
	bool covered;			/* a certificate covers sni (without sni: default_certificate) */
	bool listed;			/* certificates are ordered for sni */
};

/* What is known of a process that was found sick; lent for the call. */
struct policy_sick {
	const char *role;
	unsigned worker;		/* its number; 0: no worker */
	unsigned generation;
	const char *verdict, *numbers;	/* enum verdict_kind as a word; what led to it */
	double since_s;			/* ago */
	double uptime_s, heartbeat_age_s, cpu_share, waited_share;
	uint64_t memory_bytes, fds, fds_known, fds_limit, connections, overdue;
	uint64_t bytes, handshakes, accepts, wakeups, spurious;	/* since its start */
	bool stopped, waits_for_keeper;
};

/* What came of asking one policy. */
enum policy_result { POLICY_NO_OPINION, POLICY_ANSWERED, POLICY_ERROR, POLICY_OUT_OF_BUDGET, POLICY_OUT_OF_MEMORY };

#define POLICY_WHERE 128

struct policy_allow {
	bool allowed;
	uint8_t alert;			/* of a refusal: TLS alert (RFC 8446 6) */
	char where[POLICY_WHERE];	/* what decided: "frontdoor.lua:12" or words */
};

struct policy_timeouts {
	struct deadlines deadlines;
	char where[POLICY_WHERE];
};

struct policy_route {
	char backend[64];
	char where[POLICY_WHERE];
};

enum chain_incomplete { CHAIN_SERVE, CHAIN_REFUSE, CHAIN_HOLD };

struct policy_chain {
	struct chain_order sources;
	enum chain_incomplete incomplete;
	uint32_t wait_ms;		/* with CHAIN_HOLD */
	char where[POLICY_WHERE];
};

struct policy_worker {
	enum treatment treatment;	/* common/msg.h */
	char where[POLICY_WHERE];
};

/*
 * Each hook may be absent, which is no opinion. worker is asked in the advisor
 * alone, about a process that was found sick. timeouts gets the listener's
 * deadlines and changes those it has an opinion on. An answer is looked at
 * only after POLICY_ANSWERED, its `where` after an error, too.
 */
struct policy_ops {
	const char *name;
	unsigned version;		/* POLICY_VERSION */
	enum policy_result (*allow)(void *self, const struct policy_question *q, struct policy_allow *a);
	enum policy_result (*timeouts)(void *self, const struct policy_question *q, struct policy_timeouts *a);
	enum policy_result (*chain)(void *self, const struct policy_question *q, struct policy_chain *a);
	enum policy_result (*route)(void *self, const struct policy_question *q, struct policy_route *a);
	enum policy_result (*worker)(void *self, const struct policy_sick *q, struct policy_worker *a);
};

struct policy {
	const struct policy_ops *ops;	/* NULL ends a list */
	void *self;
};

/*
 * Ask the policies of a list in order; the first answer counts. What is no
 * answer and no lack of opinion (error, budget, memory) refuses in allow, with
 * internal_error; in the others the next policy is asked.
 */
void policy_allow(const struct policy *list, const struct policy_question *q, struct policy_allow *a);
void policy_timeouts(const struct policy *list, const struct policy_question *q, struct policy_timeouts *a);
void policy_chain(const struct policy *list, const struct policy_question *q, struct policy_chain *a);
void policy_route(const struct policy *list, const struct policy_question *q, struct policy_route *a);
/* Nobody has to have an opinion: TREATMENT_NO_OPINION then. */
void policy_worker(const struct policy *list, const struct policy_sick *q, struct policy_worker *a);

/* The configuration's own answers; has an opinion on everything; asked last. */
extern const struct policy_ops policy_fixed;

#endif
