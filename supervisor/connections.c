/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The method `connections`: walks the tables of the workers' ledgers one after
 * the other, or all their rings at once from the newest record on, filters, and
 * stops after a page. One call looks at a bounded number of records, so a page
 * may be short, or empty, and still have a next one.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/incident_head.h"
#include "supervisor/listen_again.h"
#include "supervisor/methods.h"
#include "supervisor/rpc.h"
#include "supervisor/view.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 500
#define SCAN_MAX 8192			/* records looked at in one call */
#define BYTES_MAX (900u << 10)		/* of JSON in one answer */
#define PREFIX_MAPPED 96		/* bits before an IPv4 address in ::ffff:0:0/96 */

const struct param connections_params[] = {
	{ "phase", PARAM_STRING, false, 0, 0, "hello, hold, handshake, connect, relay or closing" },
	{ "sni", PARAM_STRING, false, 0, 0, "a name, or *.example.org for all below example.org" },
	{ "peer", PARAM_STRING, false, 0, 0, "an address, or a prefix such as 10.0.0.0/8" },
	{ "listener", PARAM_STRING, false, 0, 0, "name of a listener" },
	{ "backend", PARAM_STRING, false, 0, 0, "name of a backend" },
	{ "end", PARAM_STRING, false, 0, 0, "an end reason, such as idle_deadline" },
	{ "older", PARAM_NUMBER, false, 0, 0, "seconds since accept; of ended ones their duration" },
	{ "restless", PARAM_BOOLEAN, false, 0, 0, "true: only those with 10 or more wake-ups that made no progress" },
	{ "ended", PARAM_BOOLEAN, false, 0, 0, "true: the last that ended, newest first, instead of those that live" },
	{ "worker", PARAM_INTEGER, false, 1, WORKERS_MAX, "number of a worker" },
	{ "limit", PARAM_INTEGER, false, 1, LIMIT_MAX, "records in one answer; without it 100" },
	{ "after", PARAM_OBJECT, false, 0, 0, "the \"next\" of the answer before" },
	{ 0 }
};

struct filter {
	int phase, end, listener;	/* -1: any */
	const char *sni, *backend;	/* NULL: any */
	bool by_peer;
	uint8_t peer[16];		/* IPv4 as ::ffff:a.b.c.d */
	unsigned peer_bits;
	uint64_t older_ns;
	bool restless, ended;
};

struct scan {
	const struct supervisor *s;
	struct filter filter;
	uint64_t now_ns;
	size_t limit, found, looked_at, bytes;
	json_t *list;
	bool full;
	int next_worker;
	uint64_t next_slot, next_ended_ns;
};

static int by_name(const char *name, const char *(*name_of)(unsigned), unsigned from, unsigned n)
{
	for (unsigned i = from; i < n; i++)
		if (strcmp(name_of(i), name) == 0)
			return (int)i;
	return -1;
}

static const char *phase_at(unsigned i) { return phase_name((enum phase)i); }
static const char *end_at(unsigned i) { return end_name((enum end)i); }

static bool parse_peer(const char *text, struct filter *f)
{
	char ip[INET6_ADDRSTRLEN] = "";
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	unsigned long bits = 0;
	char *end;

	if (n >= sizeof ip)
		return false;
	memcpy(ip, text, n);
	bool v4 = inet_pton(AF_INET, ip, f->peer + 12) == 1;
	if (!v4 && inet_pton(AF_INET6, ip, f->peer) != 1)
		return false;
	if (slash) {
		bits = strtoul(slash + 1, &end, 10);
		if (slash[1] < '0' || slash[1] > '9' || *end != '\0' || bits > (v4 ? 32 : 128))
			return false;
	}
	if (v4) {
		memset(f->peer, 0, 10);
		memset(f->peer + 10, 0xff, 2);
	}
	f->peer_bits = (unsigned)(slash ? bits + (v4 ? PREFIX_MAPPED : 0) : 128);
	f->by_peer = true;
	return true;
}

static const char *string_param(const struct call *call, const char *name)
{
	return json_string_value(json_object_get(call->params, name));
}

/* False: call has the error. */
static bool parse_filter(struct call *call, struct filter *f)
{
	const char *phase = string_param(call, "phase"), *end = string_param(call, "end");
	const char *peer = string_param(call, "peer"), *listener = string_param(call, "listener");
	double older = json_number_value(json_object_get(call->params, "older"));

	*f = (struct filter){ .phase = -1, .end = -1, .listener = -1,
		.sni = string_param(call, "sni"), .backend = string_param(call, "backend"),
		.ended = json_is_true(json_object_get(call->params, "ended")),
		.restless = json_is_true(json_object_get(call->params, "restless")),
		.older_ns = older < 1e9 ? (uint64_t)(older * 1e9) : UINT64_MAX };
	if (phase && (f->phase = by_name(phase, phase_at, PHASE_NONE + 1, PHASE_COUNT)) < 0)
		call_fail(call, RPC_INVALID_PARAMS, "phase: \"%.40s\" is none; it is one of hello, hold, handshake, connect, relay, closing", phase);
	else if (end && (f->end = by_name(end, end_at, END_NONE + 1, END_COUNT)) < 0)
		call_fail(call, RPC_INVALID_PARAMS, "end: \"%.40s\" is no end reason; tlswardctl(1) lists them", end);
	else if (peer && !parse_peer(peer, f))
		call_fail(call, RPC_INVALID_PARAMS, "peer: \"%.60s\" is neither an IP address nor a prefix such as 10.0.0.0/8 or 2001:db8::/32", peer);
	else if (listener && (f->listener = listen_number(call->s, listener)) < 0)
		call_fail(call, RPC_INVALID_PARAMS, "listener: the configuration has none named \"%.60s\"", listener);
	else
		return true;
	return false;
}

static bool peer_matches(const struct filter *f, const struct sockaddr_storage *ss)
{
	uint8_t a[16] = { [10] = 0xff, [11] = 0xff };
	unsigned bytes = f->peer_bits / 8, rest = f->peer_bits % 8;

	if (ss->ss_family == AF_INET)
		memcpy(a + 12, &((const struct sockaddr_in *)ss)->sin_addr, 4);
	else if (ss->ss_family == AF_INET6)
		memcpy(a, &((const struct sockaddr_in6 *)ss)->sin6_addr, 16);
	else
		return false;
	return memcmp(a, f->peer, bytes) == 0 && (rest == 0 || (a[bytes] ^ f->peer[bytes]) >> (8 - rest) == 0);
}

bool sni_matches(const char *pattern, const char *sni)
{
	size_t n = strlen(sni), suffix = strlen(pattern) - 1;

	if (strncmp(pattern, "*.", 2) != 0)
		return strcasecmp(pattern, sni) == 0;
	return n > suffix && strcasecmp(pattern + 1, sni + n - suffix) == 0;
}

static bool matches(const struct scan *sc, const struct ledger_conn *c)
{
	const struct filter *f = &sc->filter;
	uint64_t until = f->ended ? c->ended_ns : sc->now_ns;
	uint64_t age = until > c->accepted_ns ? until - c->accepted_ns : 0;

	return (f->phase < 0 || c->phase == f->phase) && (f->end < 0 || c->end == f->end) &&
		(f->listener < 0 || c->listener == f->listener) &&
		(!f->sni || sni_matches(f->sni, c->sni)) &&
		(!f->backend || strcmp(f->backend, c->backend) == 0) &&
		(!f->restless || c->spurious >= INCIDENT_HEAD_SPURIOUS) &&
		(!f->by_peer || peer_matches(f, &c->peer)) && age >= f->older_ns;
}

/* Of a table slot: free, and not just being written. */
static bool is_free(const struct ledger_conn *c)
{
	uint32_t seq = __atomic_load_n(&c->seq, __ATOMIC_RELAXED);

	return seq == 0 || (!(seq & 1) && __atomic_load_n(&c->phase, __ATOMIC_RELAXED) == PHASE_NONE);
}

static void look_at(struct scan *sc, const struct child *w, const struct ledger_conn *at)
{
	struct ledger_conn c;
	bool ended = sc->filter.ended;

	sc->looked_at++;
	if (ended ? __atomic_load_n(&at->seq, __ATOMIC_RELAXED) == 0 : is_free(at))
		return;
	bool whole = ledger_conn_copy(at, &c);
	/* Freed while we looked; a phase out of range, in contrast, is shown. */
	if (!ended && whole && c.phase == PHASE_NONE && is_free(at))
		return;
	if (!matches(sc, &c))
		return;
	json_t *o = view_conn(sc->s, w, &c, whole, ended, sc->now_ns);
	sc->bytes += json_dumpb(o, NULL, 0, JSON_COMPACT) + 1;
	json_array_append_new(sc->list, o);
	sc->found++;
}

/* After each record: true ends the page there. */
static bool page_is_full(struct scan *sc, int worker, uint64_t slot)
{
	sc->full = sc->found >= sc->limit || sc->looked_at >= SCAN_MAX || sc->bytes >= BYTES_MAX;
	sc->next_worker = worker;
	sc->next_slot = slot;
	return sc->full;
}

static void scan_live(struct scan *sc, const struct child *w, uint64_t from)
{
	uint32_t n = view_conns_n(&w->ledger);
	unsigned unused = 0;

	/* A process that is gone has no connections, but its table shows its last ones. */
	for (uint64_t i = from; i < n && unused < VIEW_UNUSED_RUN; i++) {
		unused = __atomic_load_n(&w->ledger.conns[i].seq, __ATOMIC_RELAXED) == 0 ? unused + 1 : 0;
		look_at(sc, w, &w->ledger.conns[i]);
		if (page_is_full(sc, (int)w->index, i))
			return;
	}
}

static void scan_workers(struct scan *sc, int first, int last, const json_t *after)
{
	for (int i = first; i <= last && !sc->full; i++) {
		bool resumed = after && i == first;
		uint64_t slot = resumed ? (uint64_t)json_integer_value(json_object_get(after, "slot")) + 1 : 0;
		scan_live(sc, &sc->s->workers[i - 1], slot);
	}
}

/*
 * A worker's ring of ended connections, on its way to the older ones. Slots are
 * counted as the worker counts ends, so that a page stays where it was.
 */
struct ring {
	const struct child *w;
	uint32_t n;
	uint64_t first, at;		/* the record of slot at - 1 comes next, unless at is first */
	uint64_t ended_ns;		/* of that one */
};

static const struct ledger_conn *ring_record(const struct ring *r, uint64_t slot)
{
	return &r->w->ledger.ended[slot % r->n];
}

static void ring_move(struct ring *r, uint64_t at)
{
	r->at = at;
	r->ended_ns = at > r->first ? ledger_get(&ring_record(r, at - 1)->ended_ns) : 0;
}

static void ring_begin(struct ring *r, const struct child *w)
{
	uint32_t n = view_ended_n(&w->ledger);
	uint64_t count = n > 0 ? ledger_get(&w->ledger.head->ended_count) : 0;

	*r = (struct ring){ .w = w, .n = n, .first = count > n ? count - n : 0 };
	ring_move(r, count);
}

/* To what ended before that time: records stand in the order of their ends, unless the worker is mad. */
static void ring_seek(struct ring *r, uint64_t before_ns)
{
	uint64_t low = r->first, high = r->at;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (ledger_get(&ring_record(r, middle)->ended_ns) < before_ns)
			low = middle + 1;
		else
			high = middle;
	}
	ring_move(r, low);
}

/* Behind the last record of the page before; of two that ended at once, that of the lower worker came first. */
static void ring_resume(struct ring *r, const json_t *after)
{
	json_int_t worker = json_integer_value(json_object_get(after, "worker"));
	uint64_t slot = (uint64_t)json_integer_value(json_object_get(after, "slot"));
	uint64_t ended_ns = (uint64_t)json_integer_value(json_object_get(after, "ended_ns"));

	if (r->w->index != worker)
		ring_seek(r, ended_ns + (r->w->index > worker));
	else if (slot < r->at)
		ring_move(r, slot > r->first ? slot : r->first);
}

static struct ring *newest(struct ring *rings, int n)
{
	struct ring *best = NULL;

	for (int i = 0; i < n; i++)
		if (rings[i].at > rings[i].first && (!best || rings[i].ended_ns > best->ended_ns))
			best = &rings[i];
	return best;
}

static void scan_ended(struct scan *sc, int first, int last, const json_t *after)
{
	struct ring rings[WORKERS_MAX], *r;
	int n = 0;

	for (int i = first; i <= last; i++, n++) {
		ring_begin(&rings[n], &sc->s->workers[i - 1]);
		if (after)
			ring_resume(&rings[n], after);
	}
	while (!sc->full && (r = newest(rings, n))) {
		sc->next_ended_ns = r->ended_ns;
		look_at(sc, r->w, ring_record(r, r->at - 1));
		ring_move(r, r->at - 1);
		page_is_full(sc, (int)r->w->index, r->at);
	}
}

/* Which workers; false: call has the error. */
static bool parse_range(struct call *call, const json_t *after, bool ended, int *first, int *last)
{
	json_int_t only = json_integer_value(json_object_get(call->params, "worker"));
	json_int_t from = json_integer_value(json_object_get(after, "worker"));
	const json_t *slot = json_object_get(after, "slot"), *ended_ns = json_object_get(after, "ended_ns");

	if (only > call->s->workers_n) {
		call_fail(call, RPC_NOT_FOUND, "there is no worker %d; they are numbered from 1 to %d", (int)only, call->s->workers_n);
		return false;
	}
	if (after && (from < 1 || from > WORKERS_MAX || !json_is_integer(slot) || json_integer_value(slot) < 0 ||
		ended != (json_is_integer(ended_ns) && json_integer_value(ended_ns) >= 0))) {
		call_fail(call, RPC_INVALID_PARAMS, "after: must be the \"next\" of the answer before: {\"worker\": N, \"slot\": N%s}",
			ended ? ", \"ended_ns\": N" : "");
		return false;
	}
	*first = after && !ended ? (int)from : only ? (int)only : 1;
	*last = only ? (int)only : call->s->workers_n;
	return true;
}

json_t *method_connections(struct call *call)
{
	const json_t *limit = json_object_get(call->params, "limit"), *after = json_object_get(call->params, "after");
	struct scan sc = { .s = call->s, .now_ns = call->now_ns,
		.limit = limit ? (size_t)json_integer_value(limit) : LIMIT_DEFAULT };
	int first, last;

	if (!parse_filter(call, &sc.filter) || !parse_range(call, after, sc.filter.ended, &first, &last))
		return NULL;
	sc.list = json_array();
	if (sc.filter.ended)
		scan_ended(&sc, first, last, after);
	else
		scan_workers(&sc, first, last, after);
	json_t *result = json_pack("{s:o}", "connections", sc.list);
	if (sc.full)
		view_set(result, "next", json_pack("{s:i, s:o}", "worker", sc.next_worker, "slot", view_u64(sc.next_slot)));
	if (sc.full && sc.filter.ended)
		view_set(json_object_get(result, "next"), "ended_ns", view_u64(sc.next_ended_ns));
	return result;
}
