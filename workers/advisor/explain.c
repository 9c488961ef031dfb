/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks the questions in the order in which a worker does, with plugins/policy's
 * rules, and keeps what went wrong beside what was answered.
 */
#include "workers/advisor/explain.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/addr.h"
#include "common/buf.h"

#define ALPN_MAX 64
#define ALERT_INTERNAL_ERROR 80

enum hook { HOOK_ALLOW, HOOK_TIMEOUTS, HOOK_CHAIN, HOOK_ROUTE, HOOK_COUNT };
static const char *const hook_names[] = { "allow", "timeouts", "chain", "route" };

struct answers {
	struct policy_allow allow;
	struct policy_timeouts timeouts;
	struct policy_chain chain;
	struct policy_route route;
};

static enum policy_result ask_one(const struct policy *p, enum hook hook, const struct policy_question *q, struct answers *a)
{
	const struct policy_ops *ops = p->ops;

	switch (hook) {
	case HOOK_ALLOW:
		a->allow = (struct policy_allow){ .alert = ALERT_INTERNAL_ERROR };
		return ops->allow ? ops->allow(p->self, q, &a->allow) : POLICY_NO_OPINION;
	case HOOK_TIMEOUTS:
		a->timeouts = (struct policy_timeouts){ .deadlines = *q->deadlines };
		return ops->timeouts ? ops->timeouts(p->self, q, &a->timeouts) : POLICY_NO_OPINION;
	case HOOK_CHAIN:
		a->chain = (struct policy_chain){ .incomplete = CHAIN_SERVE };
		return ops->chain ? ops->chain(p->self, q, &a->chain) : POLICY_NO_OPINION;
	default:
		a->route = (struct policy_route){ .backend = "" };
		return ops->route ? ops->route(p->self, q, &a->route) : POLICY_NO_OPINION;
	}
}

static const char *where_of(const struct answers *a, enum hook hook)
{
	switch (hook) {
	case HOOK_ALLOW: return a->allow.where;
	case HOOK_TIMEOUTS: return a->timeouts.where;
	case HOOK_CHAIN: return a->chain.where;
	default: return a->route.where;
	}
}

static void add_problem(struct explanation *e, enum hook hook, const char *text)
{
	size_t n = strlen(e->problems);

	snprintf(e->problems + n, sizeof e->problems - n, "%s%s: %s", n > 0 ? "\n" : "", hook_names[hook], text);
}

/* What is asked, of whom, and what came of it. */
struct asking {
	const struct policy *list;
	const struct ledger_policy *counts;
	bool scripts_only;
	const struct policy_question *q;
	struct answers a;
	struct explanation *e;
};

/* True if somebody has answered; an allow that could not be asked is a refusal, and an answer. */
static bool ask(struct asking *g, enum hook hook)
{
	for (const struct policy *p = g->list; p->ops && !(g->scripts_only && p->ops == &policy_fixed); p++) {
		enum policy_result r = ask_one(p, hook, g->q, &g->a);
		if (r == POLICY_ANSWERED)
			return true;
		if (r == POLICY_NO_OPINION)
			continue;
		add_problem(g->e, hook, p - g->list < LEDGER_POLICIES ? g->counts[p - g->list].last_error : where_of(&g->a, hook));
		if (hook != HOOK_ALLOW)
			continue;
		g->a.allow.allowed = false;
		g->a.allow.alert = ALERT_INTERNAL_ERROR;
		return true;
	}
	return false;
}

static void tell_chain(const struct policy_chain *c, char *text, size_t size)
{
	static const char *const incomplete[] = { [CHAIN_SERVE] = "serve", [CHAIN_REFUSE] = "refuse", [CHAIN_HOLD] = "hold" };

	chain_order_text(&c->sources, text, size);
	size_t n = strlen(text);

	n += (size_t)snprintf(text + n, size - n, "; incomplete: %s", incomplete[c->incomplete]);
	if (c->wait_ms > 0)
		snprintf(text + n, size - n, " %g s", c->wait_ms / 1e3);
}

static void tell(struct asking *g, enum hook hook)
{
	struct msg_explain_ans *ans = &g->e->ans;

	snprintf(g->e->where[hook], sizeof g->e->where[hook], "%s", where_of(&g->a, hook));
	switch (hook) {
	case HOOK_ALLOW:
		ans->allowed = g->a.allow.allowed;
		ans->alert = ans->allowed ? 0 : g->a.allow.alert;
		break;
	case HOOK_TIMEOUTS:
		ans->deadlines = g->a.timeouts.deadlines;
		break;
	case HOOK_CHAIN:
		tell_chain(&g->a.chain, g->e->chain, sizeof g->e->chain);
		break;
	default:
		snprintf(g->e->backend, sizeof g->e->backend, "%s", g->a.route.backend);
	}
}

static size_t parse_alpn(struct bytes bytes, struct bytes_view *alpn)
{
	struct buf b;
	size_t n = 0;

	buf_init_read(&b, bytes.data, bytes.size);
	while (buf_left(&b) > 0 && n < ALPN_MAX) {
		uint8_t size = buf_get_u8(&b);
		const uint8_t *name = buf_get_bytes(&b, size);
		if (!name)
			break;
		alpn[n++] = (struct bytes_view){ name, size };
	}
	return n;
}

/* A line for each link, with the source of the order that gives it. */
static void tell_links(const struct catalog_segment *s, const struct chain_choice *c, const struct chain_order *o, char *text, size_t size)
{
	size_t n = 0;

	for (uint32_t i = 0; i < c->links_n && n < size; i++) {
		const struct catalog_link *l = &c->chain->links[i];
		int rank = chain_order_rank(o, l->sources);
		n += (size_t)snprintf(text + n, size - n, "%s%.200s (%s)", i ? "\n" : "", catalog_text(s, l->name_off),
			rank < 0 ? "?" : chain_source_name(o->at[rank]));
	}
}

static void tell_certificate(const struct catalog_found *found, const struct chain_order *o, int64_t now, struct explanation *e)
{
	struct msg_explain_ans *ans = &e->ans;
	struct chain_choice chain;

	if (found->n == 0)
		return;
	const struct catalog_entry *c = found->entries[0];
	chain_choose(found->segment, c, o, now, &chain);
	ans->certificate = catalog_source(found->segment, c);
	ans->not_before = (uint64_t)c->not_before;
	ans->not_after = (uint64_t)c->not_after;
	ans->state = (uint8_t)chain.state;
	ans->missing = chain.missing;
	ans->url = chain.url;
	tell_links(found->segment, &chain, o, e->links, sizeof e->links);
}

void explain(const struct msg_explain_req *m, const struct policy *list, const struct ledger_policy *counts,
	const struct catalog *catalog, bool listed, struct explanation *e)
{
	/* What a browser of today offers, as far as it matters to a script. */
	static const uint16_t versions[] = { 0x0304, 0x0303 }, ciphers[] = { 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030 };
	const char *sni = *m->sni ? m->sni : NULL, *fallback = *m->default_certificate ? m->default_certificate : NULL;
	const char *wanted = sni ? sni : fallback;
	struct catalog_found found = { .n = 0 };
	struct bytes_view alpn[ALPN_MAX];
	struct chain_order sources = chain_order_from_bytes(m->chain_sources);
	struct addr peer = { .len = 0 };

	*e = (struct explanation){ .ans = { .error = e->error, .allow_where = e->where[HOOK_ALLOW],
		.timeouts_where = e->where[HOOK_TIMEOUTS], .chain_where = e->where[HOOK_CHAIN], .route_where = e->where[HOOK_ROUTE],
		.backend = e->backend, .chain = e->chain, .problems = e->problems, .certificate = "",
		.links = e->links, .missing = "", .url = "",
		.allowed = true, .deadlines = m->deadlines } };	/* if nobody has an opinion */
	if (addr_from_ip(&peer, m->peer, m->port) < 0) {
		snprintf(e->error, sizeof e->error, "the client's address is none");
		return;
	}
	struct policy_question q = {
		.sni = sni, .peer = (const struct sockaddr *)&peer.ss, .port = m->port, .listener = m->listener,
		.alpn = alpn, .alpn_n = parse_alpn(m->alpn, alpn),
		.versions = versions, .versions_n = sizeof versions / sizeof versions[0],
		.ciphers = ciphers, .ciphers_n = sizeof ciphers / sizeof ciphers[0],
		.time_s = time(NULL), .default_certificate = fallback, .backend = m->backend, .deadlines = &m->deadlines,
		.chain_sources = &sources,
		.covered = wanted && catalog_find(catalog, wanted, &found), .listed = sni && listed,
	};
	struct asking g = { .list = list, .counts = counts, .scripts_only = m->scripts_only, .q = &q, .e = e };
	for (enum hook hook = 0; hook < HOOK_COUNT; hook++)
		if (ask(&g, hook))
			tell(&g, hook);
	tell_certificate(&found, &g.a.chain.sources, q.time_s, e);
}
