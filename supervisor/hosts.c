/* SPDX-License-Identifier: BSD-2-Clause */
/* The methods `hosts`, `host` and `chains`: what is in the catalog. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/chains.h"
#include "common/names.h"
#include "supervisor/catalog_walk.h"
#include "supervisor/fetches.h"
#include "supervisor/methods.h"
#include "supervisor/view.h"

#define DAY_S 86400

const struct param hosts_params[] = {
	{ "name", PARAM_STRING, false, 0, 0, "a name, or *.example.org for all below example.org" },
	{ "expiring", PARAM_NUMBER, false, 0, 0, "only those of which a certificate ends within so many days, or has ended" },
	{ "failing", PARAM_BOOLEAN, false, 0, 0, "only those for which an order or a fetch has failed, also those without a certificate" },
	{ "incomplete", PARAM_BOOLEAN, false, 0, 0, "only those of which a certificate's chain is incomplete" },
	{ "limit", PARAM_INTEGER, false, 1, WALK_LIMIT_MAX, "names in one answer; without it 100" },
	{ "after", PARAM_OBJECT, false, 0, 0, "the \"next\" of the answer before" },
	{ 0 }
};

const struct param chains_params[] = {
	{ "name", PARAM_STRING, false, 0, 0, "a name, or *.example.org for all below example.org" },
	{ "limit", PARAM_INTEGER, false, 1, WALK_LIMIT_MAX, "certificates in one answer; without it 100" },
	{ "after", PARAM_OBJECT, false, 0, 0, "the \"next\" of the answer before" },
	{ 0 }
};

const struct param host_params[] = {
	{ "name", PARAM_STRING, true, 0, 0, "a host name as clients ask for it" },
	{ 0 }
};

static const char *key_text(const struct catalog_entry *e, char *text, size_t size)
{
	static const char *const curves[] = { [CATALOG_ECDSA_P256] = "P-256", [CATALOG_ECDSA_P384] = "P-384", [CATALOG_ECDSA_P521] = "P-521" };

	if (e->key == CATALOG_RSA)
		snprintf(text, size, "RSA %u", e->key_bits);
	else if (e->key == CATALOG_ED25519)
		snprintf(text, size, "Ed25519");
	else
		snprintf(text, size, "ECDSA %s", e->key <= CATALOG_ECDSA_P521 ? curves[e->key] : "?");
	return text;
}

/* Rounded down, so that 0 is the last day and -1 the one after it. */
static json_int_t days_until(int64_t when, int64_t now)
{
	int64_t left = when - now;

	return (left >= 0 ? left : left - DAY_S + 1) / DAY_S;
}

static int64_t first_end(const struct catalog_found *f)
{
	int64_t end = INT64_MAX;

	for (int i = 0; i < f->n; i++)
		end = f->entries[i]->not_after < end ? f->entries[i]->not_after : end;
	return end;
}

static enum chain_state worst_state(const struct catalog_found *f, const struct chain_order *o, int64_t now)
{
	enum chain_state worst = CHAIN_COMPLETE;
	struct chain_choice c;

	for (int i = 0; i < f->n; i++) {
		chain_choose(f->segment, f->entries[i], o, now, &c);
		worst = c.state > worst ? c.state : worst;
	}
	return worst;
}

/* What was tried for the name and has failed: its order, or a missing link of a chain. NULL: nothing. */
static const struct fetch_row *failure_of(const struct fetches *all, const char *name, const struct catalog_found *f,
	const struct chain_order *o, int64_t now)
{
	const struct fetch_row *row = fetches_find_order(all, name);
	struct chain_choice c;

	for (int i = 0; i < f->n && !(row && row->failures > 0); i++) {
		chain_choose(f->segment, f->entries[i], o, now, &c);
		row = *c.url ? fetches_find(all, c.url) : NULL;
	}
	return row && row->failures > 0 ? row : NULL;
}

static json_t *host_brief(const char *name, const struct catalog_found *f, const struct chain_order *o, int64_t now)
{
	json_t *host = json_object();
	char key[32];

	view_set(host, "name", view_text(name));
	view_set(host, "certificates", json_integer(f->n));
	view_set(host, "key", json_string(key_text(f->entries[0], key, sizeof key)));
	view_set(host, "not_after", json_integer(first_end(f)));
	view_set(host, "days_left", json_integer(days_until(first_end(f), now)));
	view_set(host, "chain_state", json_string(chain_state_name(worst_state(f, o, now))));
	view_set(host, "source", view_text(catalog_source(f->segment, f->entries[0])));
	return host;
}

/* What `hosts` looks for. */
struct wanted {
	const char *pattern;		/* NULL: any */
	bool by_end, incomplete, failing;
	const struct fetches *fetches;
	int64_t now, ends_before;
	struct chain_order order;
};

static bool matches(const struct wanted *w, const char *name, const struct catalog_found *f)
{
	return (!w->pattern || sni_matches(w->pattern, name)) && (!w->by_end || first_end(f) < w->ends_before) &&
		(!w->incomplete || worst_state(f, &w->order, w->now) == CHAIN_INCOMPLETE) &&
		(!w->failing || failure_of(w->fetches, name, f, &w->order, w->now));
}

static json_t *host_wanted(const struct catalog_walk *walk, const char *name, const struct catalog_found *f)
{
	const struct wanted *w = walk->data;

	if (!matches(w, name, f))
		return NULL;
	json_t *host = host_brief(name, f, &w->order, w->now);
	if (w->failing)
		view_set(host, "failure", fetch_row_view(failure_of(w->fetches, name, f, &w->order, w->now)));
	return host;
}

/* Names without a certificate are not in the catalog. */
static void add_failing_orders(const struct supervisor *s, const struct catalog *c, const struct wanted *w, json_t *list)
{
	struct catalog_found f;

	for (size_t i = 0; i < s->fetches.n; i++) {
		const struct fetch_row *r = &s->fetches.rows[i];
		const char *name = fetch_row_name(r);
		if (!name || r->failures == 0 || (w->pattern && !sni_matches(w->pattern, name)) || catalog_find(c, name, &f))
			continue;
		json_array_append_new(list, json_pack("{s:o, s:i, s:s, s:n, s:n, s:s, s:o, s:o}", "name", view_text(name),
			"certificates", 0, "key", "-", "not_after", "days_left", "chain_state", "none", "source", view_text(r->url),
			"failure", fetch_row_view(r)));
	}
}

json_t *method_hosts(struct call *call)
{
	const json_t *expiring = json_object_get(call->params, "expiring");
	double days = json_number_value(expiring);
	struct wanted w = { .pattern = json_string_value(json_object_get(call->params, "name")), .now = time(NULL),
		.by_end = expiring != NULL, .incomplete = json_is_true(json_object_get(call->params, "incomplete")),
		.failing = json_is_true(json_object_get(call->params, "failing")), .fetches = &call->s->fetches,
		.order = conf_chain_order(call->s->conf) };
	struct catalog_walk walk = { .view = host_wanted, .data = &w };

	w.ends_before = w.now + (int64_t)((days < 1e6 ? days : 1e6) * DAY_S);
	json_t *page = catalog_walk_page(call, &walk, "hosts");
	if (page && w.failing && !w.by_end && !w.incomplete && !json_object_get(page, "next"))
		add_failing_orders(call->s, walk.catalog, &w, json_object_get(page, "hosts"));
	return page;
}

static json_t *links_view(const struct catalog_segment *s, const struct chain_choice *c, const struct chain_order *o)
{
	json_t *links = json_array();

	for (uint32_t i = 0; i < c->links_n; i++) {
		const struct catalog_link *l = &c->chain->links[i];
		int rank = chain_order_rank(o, l->sources);
		json_array_append_new(links, json_pack("{s:o, s:s}", "name", view_text(catalog_text(s, l->name_off)),
			"source", rank < 0 ? "?" : chain_source_name(o->at[rank])));
	}
	return links;
}

/* One certificate with the chain that the configuration's sources give it. */
static json_t *certificate_view(const struct supervisor *s, const struct catalog_found *f, const struct catalog_entry *e, const struct chain_order *o, int64_t now)
{
	struct chain_choice c;
	char key[32];

	chain_choose(f->segment, e, o, now, &c);
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o}",
		"key", key_text(e, key, sizeof key), "not_before", (json_int_t)e->not_before,
		"not_after", (json_int_t)e->not_after, "days_left", days_until(e->not_after, now),
		"chain", (json_int_t)c.links_n + 1, "chain_state", chain_state_name(c.state),
		"links", links_view(f->segment, &c, o), "missing", c.whole ? json_null() : view_text(c.missing),
		"url", *c.url ? view_text(c.url) : json_null(), "fetch", fetches_view(&s->fetches, c.url),
		"staple", staples_view(&s->staples, f->segment, e, now),
		"source", view_text(catalog_source(f->segment, e)));
}

static json_t *certificates_of(const struct supervisor *s, const struct catalog_found *f, const struct chain_order *o, int64_t now)
{
	json_t *list = json_array();

	for (int i = 0; i < f->n; i++)
		json_array_append_new(list, certificate_view(s, f, f->entries[i], o, now));
	return list;
}

/* --- chains --- */

struct chains_wanted {
	const struct supervisor *s;
	const char *pattern;
	int64_t now;
	struct chain_order order;
};

static bool staple_is_bad(const struct supervisor *s, const struct catalog_segment *segment, const struct catalog_entry *e)
{
	const struct catalog_staple *staple = catalog_staple(segment, e);
	const struct staple_row *r = staple ? staples_find(&s->staples, staple->cert_id) : NULL;

	return r && staple_state_is_bad(r->state);
}

/*
 * A certificate is told once, by the first of its names. First come those that
 * something is wrong with, then the others.
 */
static json_t *chains_of(const struct catalog_walk *walk, const char *name, const struct catalog_found *f)
{
	const struct chains_wanted *w = walk->data;
	json_t *list = NULL;

	if (w->pattern && !sni_matches(w->pattern, name))
		return NULL;
	for (int i = 0; i < f->n; i++) {
		const struct catalog_entry *e = f->entries[i];
		struct chain_choice c;
		chain_choose(f->segment, e, &w->order, w->now, &c);
		bool good = c.state == CHAIN_COMPLETE && !staple_is_bad(w->s, f->segment, e);
		if (strcmp(catalog_text(f->segment, e->name_off), name) != 0 || good != (walk->pass == 1))
			continue;
		json_t *one = certificate_view(w->s, f, e, &w->order, w->now);
		view_set(one, "name", view_text(name));
		list = list ? list : json_array();
		json_array_append_new(list, one);
	}
	return list;
}

json_t *method_chains(struct call *call)
{
	struct chains_wanted w = { .s = call->s, .pattern = json_string_value(json_object_get(call->params, "name")), .now = time(NULL),
		.order = conf_chain_order(call->s->conf) };
	struct catalog_walk walk = { .view = chains_of, .data = &w, .passes = 2 };

	return catalog_walk_page(call, &walk, "chains");
}

/* --- host --- */

/* What the ledgers know of those who asked for the name. */
struct seen {
	uint64_t live, ends[END_COUNT];
};

static void count_live(struct seen *seen, const struct ledger *l, const char *name)
{
	struct ledger_conn c;
	unsigned unused = 0;

	for (uint32_t i = 0; i < view_conns_n(l) && unused < VIEW_UNUSED_RUN; i++) {
		const struct ledger_conn *at = &l->conns[i];
		unused = __atomic_load_n(&at->seq, __ATOMIC_RELAXED) == 0 ? unused + 1 : 0;
		if (__atomic_load_n(&at->phase, __ATOMIC_RELAXED) == PHASE_NONE || !ledger_conn_copy(at, &c))
			continue;
		seen->live += c.phase != PHASE_NONE && sni_matches(name, c.sni);
	}
}

static void count_ended(struct seen *seen, const struct ledger *l, const char *name)
{
	struct ledger_conn c;

	for (uint32_t i = 0; i < view_ended_n(l); i++)
		if (__atomic_load_n(&l->ended[i].seq, __ATOMIC_RELAXED) != 0 && ledger_conn_copy(&l->ended[i], &c) &&
		    sni_matches(name, c.sni))
			seen->ends[c.end]++;
}

static json_t *ends_seen(const struct seen *seen)
{
	json_t *o = json_object();

	for (int e = END_NONE + 1; e < END_COUNT; e++)
		if (seen->ends[e] > 0)
			view_set(o, end_name((enum end)e), view_u64(seen->ends[e]));
	return o;
}

static json_t *host_full(const struct supervisor *s, const char *name, const struct catalog_found *f)
{
	struct seen seen = { 0 };
	json_t *o = json_object();

	for (int i = 0; i < s->workers_n; i++) {
		if (s->workers[i].pid)
			count_live(&seen, &s->workers[i].ledger, name);
		count_ended(&seen, &s->workers[i].ledger, name);
	}
	view_set(o, "name", view_text(name));
	struct chain_order order = conf_chain_order(s->conf);
	view_set(o, "certificates", certificates_of(s, f, &order, time(NULL)));
	view_set(o, "order", fetch_row_view(fetches_find_order(&s->fetches, name)));
	view_set(o, "listed", json_boolean(acme_is_listed(s->acme, name)));
	view_set(o, "connections", view_u64(seen.live));
	view_set(o, "refusals", view_u64(seen.ends[END_REFUSED] + seen.ends[END_NO_CERTIFICATE]));
	view_set(o, "ended", ends_seen(&seen));
	return o;
}

json_t *method_host(struct call *call)
{
	const char *given = json_string_value(json_object_get(call->params, "name"));
	const struct catalog *c = catalog_current(call);
	struct catalog_found f = { .n = 0 };
	char name[NAME_BYTES];

	if (!c)
		return NULL;
	if (!name_normalize(given, strlen(given), false, name))
		return call_fail(call, RPC_INVALID_PARAMS, "name: \"%.100s\" is no host name", given);
	catalog_find(c, name, &f);
	return host_full(call->s, name, &f);
}
