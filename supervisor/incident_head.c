/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/incident_head.h"

#include <stdlib.h>
#include <string.h>

#include "supervisor/view.h"

#define NAMES_SEEN 512		/* different ones that are counted; a power of 2 */

/* One live record, as far as it is needed to choose. */
struct live {
	uint32_t slot;
	bool torn;
	uint64_t since_ns, spurious;
};

struct name {
	uint64_t hash, n;
	uint32_t slot;
};

struct look {
	const struct supervisor *s;
	const struct child *c;
	uint64_t now_ns;
	struct live *list;
	size_t n, torn;
	uint64_t phases[PHASE_COUNT], ages[PHASE_COUNT][4];
	struct name names[NAMES_SEEN];
};

/* Upper bounds of ages, ms. */
static const uint64_t ages_ms[3] = { 1000, 10000, 60000 };
static const char *const ages_names[4] = { "below_1s", "below_10s", "below_1min", "older" };

static uint64_t ms_since(const struct look *k, uint64_t ns)
{
	return k->now_ns > ns ? (k->now_ns - ns) / 1000000 : 0;
}

static void count_name(struct look *k, const char *sni, uint32_t slot)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (const char *p = sni; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 0x100000001b3ull;
	for (size_t i = 0; i < NAMES_SEEN; i++) {
		struct name *at = &k->names[(hash + i) % NAMES_SEEN];
		if (at->n == 0)
			*at = (struct name){ .hash = hash, .slot = slot };
		if (at->hash == hash) {
			at->n++;
			return;
		}
	}
}

static void take(struct look *k, uint32_t slot)
{
	const struct ledger_conn *c = &k->c->ledger.conns[slot];
	uint8_t phase = __atomic_load_n(&c->phase, __ATOMIC_RELAXED);
	bool torn = __atomic_load_n(&c->seq, __ATOMIC_RELAXED) & 1;
	char sni[sizeof c->sni];
	int age = 0;

	if (phase == PHASE_NONE && !torn)
		return;
	phase = phase < PHASE_COUNT ? phase : PHASE_NONE;
	struct live l = { .slot = slot, .torn = torn, .since_ns = ledger_get(&c->accepted_ns), .spurious = ledger_get(&c->spurious) };
	while (age < 3 && ms_since(k, l.since_ns) >= ages_ms[age])
		age++;
	k->phases[phase]++;
	k->ages[phase][age]++;
	k->torn += torn;
	memcpy(sni, c->sni, sizeof sni);
	sni[sizeof sni - 1] = '\0';
	count_name(k, sni, slot);
	k->list[k->n++] = l;
}

static void scan(struct look *k)
{
	uint32_t n = view_conns_n(&k->c->ledger);
	unsigned unused = 0;

	for (uint32_t i = 0; i < n && unused < VIEW_UNUSED_RUN; i++) {
		unused = __atomic_load_n(&k->c->ledger.conns[i].seq, __ATOMIC_RELAXED) == 0 ? unused + 1 : 0;
		take(k, i);
	}
}

/* Torn ones first, then the oldest. */
static int by_age(const void *a, const void *b)
{
	const struct live *x = a, *y = b;

	if (x->torn != y->torn)
		return (int)y->torn - (int)x->torn;
	return x->since_ns < y->since_ns ? -1 : x->since_ns > y->since_ns;
}

static int by_spurious(const void *a, const void *b)
{
	const struct live *x = a, *y = b;

	return x->spurious > y->spurious ? -1 : x->spurious < y->spurious;
}

static int by_count(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return x->n > y->n ? -1 : x->n < y->n;
}

static json_t *view_slot(const struct look *k, uint32_t slot)
{
	struct ledger_conn c;
	bool whole = ledger_conn_copy(&k->c->ledger.conns[slot], &c);

	return view_conn(k->s, k->c, &c, whole, false, k->now_ns);
}

static json_t *view_phases_and_ages(const struct look *k)
{
	json_t *o = json_object();

	for (int p = 0; p < PHASE_COUNT; p++) {
		if (k->phases[p] == 0)
			continue;
		json_t *one = json_pack("{s:o}", "connections", view_u64(k->phases[p]));
		for (int a = 0; a < 4; a++)
			view_set(one, ages_names[a], view_u64(k->ages[p][a]));
		view_set(o, p == PHASE_NONE ? "unknown" : phase_name((enum phase)p), one);
	}
	return o;
}

static json_t *view_names(struct look *k)
{
	json_t *list = json_array();
	struct ledger_conn c;

	qsort(k->names, NAMES_SEEN, sizeof k->names[0], by_count);
	for (int i = 0; i < INCIDENT_HEAD_NAMES && k->names[i].n > 0; i++) {
		ledger_conn_copy(&k->c->ledger.conns[k->names[i].slot], &c);
		json_array_append_new(list, json_pack("{s:o, s:o}", "sni", c.sni[0] ? view_text(c.sni) : json_null(),
			"connections", view_u64(k->names[i].n)));
	}
	return list;
}

static json_t *view_oldest(struct look *k)
{
	json_t *list = json_array();

	if (k->n > 0)
		qsort(k->list, k->n, sizeof k->list[0], by_age);
	for (size_t i = 0; i < k->n && i < INCIDENT_HEAD_CONNECTIONS; i++)
		json_array_append_new(list, view_slot(k, k->list[i].slot));
	return list;
}

static json_t *view_restless(struct look *k)
{
	json_t *list = json_array();

	if (k->n > 0)
		qsort(k->list, k->n, sizeof k->list[0], by_spurious);
	for (size_t i = 0; i < k->n && i < INCIDENT_HEAD_RESTLESS && k->list[i].spurious >= INCIDENT_HEAD_SPURIOUS; i++)
		json_array_append_new(list, view_slot(k, k->list[i].slot));
	return list;
}

static json_t *connections_of(const struct supervisor *s, const struct child *c, uint64_t now_ns)
{
	struct look *k = calloc(1, sizeof *k);
	struct live *list = calloc((size_t)view_conns_n(&c->ledger) + 1, sizeof *list);
	json_t *o = NULL;

	if (k && list) {
		*k = (struct look){ .s = s, .c = c, .now_ns = now_ns, .list = list };
		scan(k);
		o = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "live", view_u64(k->n), "torn", view_u64(k->torn),
			"by_phase", view_phases_and_ages(k), "names", view_names(k), "list", view_oldest(k),
			"unlisted", view_u64(k->n > INCIDENT_HEAD_CONNECTIONS ? k->n - INCIDENT_HEAD_CONNECTIONS : 0),
			"restless", view_restless(k));
	}
	free(list);
	free(k);
	return o;
}

static json_t *script_of(const struct ledger_head *h)
{
	char name[sizeof h->doing_script];
	uint32_t line = __atomic_load_n(&h->doing_line, __ATOMIC_RELAXED);

	if (line == 0)
		return json_null();
	memcpy(name, h->doing_script, sizeof name);
	name[sizeof name - 1] = '\0';
	return json_pack("{s:o, s:o}", "file", view_text(name), "line", json_integer(line));
}

/* What it does, or did when it died. */
static json_t *doing_of(const struct supervisor *s, const struct child *c, uint64_t now_ns)
{
	const struct ledger_head *h = c->ledger.head;
	struct look k = { .s = s, .c = c, .now_ns = now_ns };

	uint32_t doing = __atomic_load_n(&h->doing, __ATOMIC_RELAXED), slot = __atomic_load_n(&h->doing_conn, __ATOMIC_RELAXED);
	uint64_t beat = ledger_get(&h->heartbeat_ns);
	bool named = doing != DOING_NOTHING && slot < view_conns_n(&c->ledger);
	return json_pack("{s:s, s:o, s:o, s:o}", "what", doing_name((enum doing)doing),
		"heartbeat_ms_ago", beat ? view_u64(ms_since(&k, beat)) : json_null(),
		"connection", named ? view_slot(&k, slot) : json_null(), "script", script_of(h));
}

static json_t *gauges_of(const struct child *c)
{
	json_t *o = json_object();

	for (int g = 0; g < GAUGE_COUNT; g++)
		view_set(o, gauge_name((enum gauge)g), view_u64(ledger_get(&c->ledger.head->gauges[g])));
	return o;
}

static json_t *counters_of(const struct child *c)
{
	json_t *o = json_object();

	for (int i = 0; i < COUNT_COUNT; i++)
		view_set(o, counter_name((enum counter)i), view_u64(ledger_get(&c->ledger.head->counters[i])));
	return o;
}

json_t *incident_head(const struct supervisor *s, const struct child *c, uint64_t now_ns)
{
	json_t *o = json_object();

	view_set(o, "role", json_string(role_name(c->role)));
	view_set(o, "worker", c->role == ROLE_WORKER ? json_integer(c->index) : json_null());
	view_set(o, "pid", json_integer(c->pid));
	view_set(o, "generation", json_integer(c->generation));
	view_set(o, "process_state", json_string(child_state_name(c->state)));
	view_set(o, "uptime_ms", view_u64(now_ns > c->started_ns ? (now_ns - c->started_ns) / 1000000 : 0));
	if (!c->ledger.head)
		return o;
	view_set(o, "doing", doing_of(s, c, now_ns));
	view_set(o, "gauges", gauges_of(c));
	view_set(o, "counters", counters_of(c));
	if (view_conns_n(&c->ledger) > 0)
		view_set(o, "connections", connections_of(s, c, now_ns));
	return o;
}

/* ---- samples ---- */

static json_t *ms(uint64_t ns) { return view_u64(ns / 1000000); }

static json_t *view_sample(const struct sample *p, uint64_t now_ns)
{
	json_t *o = json_object();

	view_set(o, "ms_ago", ms(now_ns > p->at_ns ? now_ns - p->at_ns : 0));
	view_set(o, "cpu_ms", ms(p->cpu_ns));
	view_set(o, "run_delay_ms", ms(p->run_delay_ns));
	view_set(o, "rss_bytes", view_u64(p->rss_bytes));
	view_set(o, "descriptors", view_u64(p->fds));
	view_set(o, "descriptors_known", view_u64(p->fds_known));
	view_set(o, "heartbeat_ms_ago", p->heartbeat_ns ? ms(p->at_ns > p->heartbeat_ns ? p->at_ns - p->heartbeat_ns : 0) : json_null());
	view_set(o, "connections", view_u64(p->connections));
	view_set(o, "overdue", view_u64(p->overdue));
	view_set(o, "bytes", view_u64(p->bytes));
	view_set(o, "handshakes", view_u64(p->handshakes));
	view_set(o, "accepts", view_u64(p->accepts));
	view_set(o, "wakeups", view_u64(p->wakeups));
	view_set(o, "spurious_wakeups", view_u64(p->spurious));
	view_set(o, "doing", json_string(doing_name(p->doing)));
	if (p->stopped)
		view_set(o, "stopped", json_true());
	if (p->waits_for_keeper)
		view_set(o, "waits_for_keeper", json_true());
	return o;
}

json_t *incident_head_samples(const struct sample *samples, size_t n, uint64_t now_ns)
{
	size_t every = (n + INCIDENT_HEAD_SAMPLES - 1) / INCIDENT_HEAD_SAMPLES;
	json_t *list = json_array();

	/* Counted from the end, so that the last one is among them. */
	for (size_t i = n > 0 ? (n - 1) % every : 0; i < n; i += every)
		json_array_append_new(list, view_sample(&samples[i], now_ns));
	return list;
}
