/* SPDX-License-Identifier: BSD-2-Clause */
/* Children and the whole as JSON. */
#include "supervisor/view.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "config.h"
#include "supervisor/expiring.h"
#include "supervisor/reload.h"
#include "supervisor/watch.h"
#include "supervisor/watch_view.h"
#include "supervisor/workers.h"

static json_t *age_ms(uint64_t since_ns, uint64_t now_ns)
{
	if (since_ns == 0)
		return json_null();
	return view_u64(now_ns > since_ns ? (now_ns - since_ns) / 1000000 : 0);
}

uint32_t view_conns_n(const struct ledger *l)
{
	return l->head ? (uint32_t)(l->ended - l->conns) : 0;
}

uint32_t view_ended_n(const struct ledger *l)
{
	return l->head ? (uint32_t)((l->size - sizeof *l->head) / sizeof *l->conns) - view_conns_n(l) : 0;
}

static uint64_t counter_of(const struct child *c, enum counter i)
{
	return c->ledger.head ? ledger_get(&c->ledger.head->counters[i]) : 0;
}

uint64_t view_gauge(const struct child *c, enum gauge i)
{
	return c->ledger.head && c->pid ? ledger_get(&c->ledger.head->gauges[i]) : 0;
}

/* Over n children and all the processes that had their places. */
static json_t *counters_of(const struct child *list, int n, bool all)
{
	json_t *o = json_object();

	for (int c = 0; c < COUNT_COUNT; c++) {
		uint64_t sum = 0;
		for (int i = 0; i < n; i++)
			sum += totals_counter(&list[i].before, &list[i].ledger, (enum counter)c);
		if (sum > 0 || all)
			view_set(o, counter_name(c), view_u64(sum));
	}
	return o;
}

/* Of the process that has the place now. */
static json_t *own_counters_of(const struct child *w)
{
	json_t *o = json_object();

	for (int c = 0; c < COUNT_COUNT; c++)
		view_set(o, counter_name(c), view_u64(counter_of(w, c)));
	return o;
}

static json_t *own_ends_of(const struct child *w)
{
	json_t *o = json_object();

	for (int e = END_NONE + 1; e < END_COUNT; e++) {
		uint64_t n = w->ledger.head ? ledger_get(&w->ledger.head->ends[e]) : 0;
		if (n > 0)
			view_set(o, end_name(e), view_u64(n));
	}
	return o;
}


/* The highest says more than the sum. */
static bool is_level(int g)
{
	return g == GAUGE_CATALOG_GENERATION || g == GAUGE_SPURIOUS_WORST;
}

static json_t *gauges_of(const struct child *list, int n)
{
	json_t *o = json_object();

	for (int g = 0; g < GAUGE_COUNT; g++) {
		uint64_t sum = 0;
		for (int i = 0; i < n; i++) {
			uint64_t v = view_gauge(&list[i], g);
			sum = !is_level(g) ? sum + v : v > sum ? v : sum;
		}
		view_set(o, gauge_name(g), view_u64(sum));
	}
	return o;
}

static json_t *ends_of(const struct child *list, int n)
{
	json_t *o = json_object();

	for (int e = END_NONE + 1; e < END_COUNT; e++) {
		uint64_t sum = 0;
		for (int i = 0; i < n; i++)
			sum += totals_end(&list[i].before, &list[i].ledger, (enum end)e);
		if (sum > 0)
			view_set(o, end_name(e), view_u64(sum));
	}
	return o;
}

/* The connection that woke its worker most often without progress; null: none has. */
static json_t *restless_of(const struct child *list, int n)
{
	const struct child *worst = NULL;

	for (int i = 0; i < n; i++) {
		uint64_t v = view_gauge(&list[i], GAUGE_SPURIOUS_WORST);
		if (v > (worst ? view_gauge(worst, GAUGE_SPURIOUS_WORST) : 0))
			worst = &list[i];
	}
	if (!worst)
		return json_null();
	return json_pack("{s:o, s:I, s:o}", "id", view_u64(ledger_get(&worst->ledger.head->restless_id)),
		"worker", (json_int_t)worst->index, "spurious_wakeups", view_u64(view_gauge(worst, GAUGE_SPURIOUS_WORST)));
}

void view_phases(const struct child *list, int n, uint64_t counts[PHASE_COUNT])
{
	memset(counts, 0, PHASE_COUNT * sizeof counts[0]);
	for (int i = 0; i < n; i++) {
		const struct ledger *l = &list[i].ledger;
		uint32_t conns_n = list[i].pid ? view_conns_n(l) : 0;
		unsigned unused = 0;
		for (uint32_t c = 0; c < conns_n && unused < VIEW_UNUSED_RUN; c++) {
			unused = __atomic_load_n(&l->conns[c].seq, __ATOMIC_RELAXED) == 0 ? unused + 1 : 0;
			uint8_t phase = __atomic_load_n(&l->conns[c].phase, __ATOMIC_RELAXED);
			counts[phase < PHASE_COUNT ? phase : PHASE_NONE]++;
		}
	}
}

static json_t *phases_of(const struct child *list, int n)
{
	uint64_t counts[PHASE_COUNT];
	json_t *o = json_object();

	view_phases(list, n, counts);
	for (int p = PHASE_NONE + 1; p < PHASE_COUNT; p++)
		view_set(o, phase_name(p), view_u64(counts[p]));
	return o;
}

/* The script and line that it is in; null: in none. */
static json_t *doing_script(const struct ledger_head *h)
{
	char script[sizeof h->doing_script], text[sizeof script + 16];
	uint32_t line = h ? __atomic_load_n(&h->doing_line, __ATOMIC_RELAXED) : 0;

	if (line == 0)
		return json_null();
	memcpy(script, h->doing_script, sizeof script);
	script[sizeof script - 1] = '\0';
	snprintf(text, sizeof text, "%s:%u", script, line);
	return view_text(text);
}

/* What every process has. */
static json_t *child_of(const struct child *c, uint64_t now_ns)
{
	const struct ledger_head *h = c->pid ? c->ledger.head : NULL;
	json_t *o = json_object();

	view_set(o, "pid", c->pid ? json_integer(c->pid) : json_null());
	view_set(o, "generation", json_integer(c->generation));
	view_set(o, "state", json_string(child_state_name(c->state)));
	view_set(o, "state_ms", age_ms(c->state_since_ns, now_ns));
	view_set(o, "uptime_ms", c->pid ? age_ms(c->started_ns, now_ns) : json_null());
	view_set(o, "doing", h ? json_string(doing_name(__atomic_load_n(&h->doing, __ATOMIC_RELAXED))) : json_null());
	view_set(o, "doing_script", doing_script(h));
	view_set(o, "heartbeat_ms_ago", h ? age_ms(ledger_get(&h->heartbeat_ns), now_ns) : json_null());
	view_set(o, "deaths", json_integer(c->deaths));
	view_set(o, "last_death", c->last_death[0] ? view_text(c->last_death) : json_null());
	if (c->state == CHILD_BACKOFF)
		view_set(o, "backoff_ms", json_integer(c->backoff_ms));
	view_set(o, "verdict", watch_view_verdict(c, now_ns));
	view_set(o, "verdicts", watch_view_verdicts(c));
	view_set(o, "replaced", view_u64(watch_replaced(c)));
	return o;
}

/* As of the last sample: what of a processor it used, and its open descriptors. */
static void set_usage(json_t *o, const struct child *c)
{
	const struct watched *p = watch_of(c->super, c);
	size_t n = p && c->pid && p->samples.generation == c->generation ? p->samples.n : 0;
	const struct sample *last = n > 0 ? &p->samples.list[n - 1] : NULL;
	uint64_t span_ns = n > 1 ? last->at_ns - last[-1].at_ns : 0;

	view_set(o, "cpu_permille", span_ns ? view_u64((last->cpu_ns - last[-1].cpu_ns) * 1000 / span_ns) : json_null());
	view_set(o, "open_descriptors", last ? view_u64(last->fds) : json_null());
}

json_t *view_worker_brief(const struct child *w, uint64_t now_ns)
{
	static const enum counter shown[] = { COUNT_ACCEPTED, COUNT_HANDSHAKES_FULL, COUNT_HANDSHAKES_RESUMED,
		COUNT_BYTES_UP, COUNT_BYTES_DOWN, COUNT_WAKEUPS, COUNT_SPURIOUS };
	static const enum gauge levels[] = { GAUGE_CONNS, GAUGE_FDS, GAUGE_SPURIOUS_RATE };
	json_t *o = child_of(w, now_ns);

	view_set(o, "worker", json_integer(w->index));
	set_usage(o, w);
	view_set(o, "at_limit", json_boolean(view_gauge(w, GAUGE_AT_LIMIT) != 0));
	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
		view_set(o, gauge_name(levels[i]), view_u64(view_gauge(w, levels[i])));
	for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
		view_set(o, counter_name(shown[i]), view_u64(counter_of(w, shown[i])));
	view_set(o, "restless", restless_of(w, 1));
	return o;
}

/* The connection that the worker is called for now, if it says one. */
static json_t *doing_connection(const struct supervisor *s, const struct child *w, uint64_t now_ns)
{
	const struct ledger *l = &w->ledger;
	struct ledger_conn c;

	if (!l->head || !w->pid)
		return json_null();
	uint32_t slot = __atomic_load_n(&l->head->doing_conn, __ATOMIC_RELAXED);
	uint32_t doing = __atomic_load_n(&l->head->doing, __ATOMIC_RELAXED);
	if (slot >= view_conns_n(l) || doing == DOING_NOTHING)
		return json_null();
	bool whole = ledger_conn_copy(&l->conns[slot], &c);
	return c.seq == 0 ? json_null() : view_conn(s, w, &c, whole, false, now_ns);
}

json_t *view_worker_full(const struct supervisor *s, const struct child *w, uint64_t now_ns)
{
	json_t *o = child_of(w, now_ns);

	view_set(o, "worker", json_integer(w->index));
	view_set(o, "doing_connection", doing_connection(s, w, now_ns));
	view_set(o, "protections_missing", w->missing[0] ? view_text(w->missing) : json_null());
	view_set(o, "gauges", gauges_of(w, 1));
	view_set(o, "counters", own_counters_of(w));
	view_set(o, "restless", restless_of(w, 1));
	view_set(o, "phases", phases_of(w, 1));
	view_set(o, "ends", own_ends_of(w));
	view_set(o, "samples", watch_view_samples(w, now_ns));
	return o;
}

static void add_process(json_t *processes, const struct child *c, uint64_t now_ns)
{
	json_t *o = child_of(c, now_ns);

	view_set(o, "counters", counters_of(c, 1, false));
	view_set(processes, role_name(c->role), o);
}

static void add_missing(json_t *missing, const struct child *c)
{
	if (c->missing[0] != '\0' && !json_object_get(missing, role_name(c->role)))
		view_set(missing, role_name(c->role), view_text(c->missing));
}

static json_t *protections_missing(const struct supervisor *s)
{
	json_t *o = json_object();

	if (s->privileges.missing[0] != '\0')
		view_set(o, role_name(ROLE_SUPERVISOR), view_text(s->privileges.missing));
	add_missing(o, &s->logger);
	add_missing(o, &s->keeper);
	add_missing(o, &s->advisor);
	add_missing(o, &s->librarian);
	for (int i = 0; i < s->workers_n; i++)
		add_missing(o, &s->workers[i]);
	return o;
}

/* Ready: at least one worker takes connections. */
static const char *state_of(const struct supervisor *s)
{
	bool coming = false;

	if (s->stopping)
		return "stopping";
	for (int i = 0; i < s->workers_n; i++) {
		if (s->workers[i].state == CHILD_READY)
			return "ready";
		coming |= s->workers[i].state == CHILD_STARTING || s->workers[i].state == CHILD_BACKOFF;
	}
	return coming || !s->ready ? "starting" : "drained";
}

static json_t *worker_states(const struct supervisor *s, uint64_t now_ns)
{
	json_t *list = json_array();

	for (int i = 0; i < s->workers_n; i++) {
		const struct child *w = &s->workers[i];
		if (worker_is_vacant(s, w))
			continue;
		json_array_append_new(list, json_pack("{s:I, s:s, s:b, s:o, s:I, s:o}", "worker", (json_int_t)w->index,
			"state", child_state_name(w->state), "at_limit", view_gauge(w, GAUGE_AT_LIMIT) != 0,
			"connections", view_u64(view_gauge(w, GAUGE_CONNS)), "deaths", (json_int_t)w->deaths,
			"verdict", watch_view_verdict(w, now_ns)));
	}
	return list;
}

json_t *view_status(const struct supervisor *s, uint64_t now_ns)
{
	json_t *o = json_object(), *processes = json_object();

	view_set(o, "version", json_string(PACKAGE_VERSION));
	view_set(o, "pid", json_integer(getpid()));
	view_set(o, "uptime_ms", age_ms(s->started_ns, now_ns));
	view_set(o, "state", json_string(state_of(s)));
	view_set(o, "generation", json_integer(s->generation));
	view_set(o, "reload", reload_view(s->reload));
	view_set(o, "names", json_integer(s->names));
	view_set(o, "certificates", json_integer(s->certificates));
	view_set(o, "expiring", expiring_view(s->expiring));
	view_set(o, "staples", staples_counts(&s->staples));
	view_set(o, "orders_failing", json_integer(fetches_count(&s->fetches, true).failing));
	view_set(o, "fetches_failing", json_integer(fetches_count(&s->fetches, false).failing));
	view_set(o, "log_level", json_string(log_level_name((enum log_level)s->log_level)));
	view_set(o, "workers", worker_states(s, now_ns));
	add_process(processes, &s->keeper, now_ns);
	add_process(processes, &s->advisor, now_ns);
	add_process(processes, &s->librarian, now_ns);
	add_process(processes, &s->logger, now_ns);
	view_set(o, "processes", processes);
	view_set(o, "protections_missing", protections_missing(s));
	view_set(o, "gauges", gauges_of(s->workers, s->workers_n));
	view_set(o, "counters", counters_of(s->workers, s->workers_n, true));
	view_set(o, "restless", restless_of(s->workers, s->workers_n));
	view_set(o, "phases", phases_of(s->workers, s->workers_n));
	view_set(o, "ends", ends_of(s->workers, s->workers_n));
	return o;
}
