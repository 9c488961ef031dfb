/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/watch_view.h"

#include "supervisor/supervisor.h"
#include "supervisor/view.h"
#include "supervisor/watch.h"

json_t *watch_view_verdict(const struct child *c, uint64_t now_ns)
{
	const struct watched *p = watch_of(c->super, c);

	if (!p || p->verdict.kind == VERDICT_NONE)
		return json_null();
	uint64_t since = p->verdict.since_ns;
	return json_pack("{s:s, s:s, s:s, s:o, s:s, s:o}", "kind", verdict_name(p->verdict.kind), "text", verdict_text(p->verdict.kind),
		"numbers", p->verdict.numbers, "since_ms", view_u64(now_ns > since ? (now_ns - since) / 1000000 : 0),
		"step", watch_step_name(p->step), "incident", *p->incident ? json_string(p->incident) : json_null());
}

json_t *watch_view_verdicts(const struct child *c)
{
	const struct watched *p = watch_of(c->super, c);
	json_t *o = json_object();

	for (int k = VERDICT_NONE + 1; p && k < VERDICT_COUNT; k++)
		if (p->verdicts[k] > 0)
			view_set(o, verdict_name((enum verdict_kind)k), view_u64(p->verdicts[k]));
	return o;
}

uint64_t watch_replaced(const struct child *c)
{
	const struct watched *p = watch_of(c->super, c);

	return p ? p->replaced : 0;
}

/* ---- the series ---- */

static uint64_t per_second(uint64_t from, uint64_t to, uint64_t ns)
{
	return to > from && ns > 0 ? (uint64_t)((double)(to - from) * 1e9 / (double)ns) : 0;
}

/* CPU time of what there is in a nanosecond, in permille: the same number of "seconds per second". */
static uint64_t permille(uint64_t from, uint64_t to, uint64_t ns)
{
	uint64_t v = to > from && ns > 0 ? (to - from) * 1000 / ns : 0;

	return v > 1000 ? 1000 : v;
}

struct column {
	const char *name;
	uint64_t (*value)(const struct sample *before, const struct sample *at);
};

static uint64_t cpu(const struct sample *b, const struct sample *a) { return permille(b->cpu_ns, a->cpu_ns, a->at_ns - b->at_ns); }
static uint64_t waited(const struct sample *b, const struct sample *a) { return permille(b->run_delay_ns, a->run_delay_ns, a->at_ns - b->at_ns); }
static uint64_t fds(const struct sample *b, const struct sample *a) { (void)b; return a->fds; }
static uint64_t known(const struct sample *b, const struct sample *a) { (void)b; return a->fds_known; }
static uint64_t memory(const struct sample *b, const struct sample *a) { (void)b; return a->rss_bytes; }
static uint64_t connections(const struct sample *b, const struct sample *a) { (void)b; return a->connections; }
static uint64_t overdue(const struct sample *b, const struct sample *a) { (void)b; return a->overdue; }
static uint64_t wakeups(const struct sample *b, const struct sample *a) { return per_second(b->wakeups, a->wakeups, a->at_ns - b->at_ns); }
static uint64_t spurious(const struct sample *b, const struct sample *a) { return per_second(b->spurious, a->spurious, a->at_ns - b->at_ns); }
static uint64_t handshakes(const struct sample *b, const struct sample *a) { return per_second(b->handshakes, a->handshakes, a->at_ns - b->at_ns); }
static uint64_t bytes(const struct sample *b, const struct sample *a) { return per_second(b->bytes, a->bytes, a->at_ns - b->at_ns); }

static uint64_t heartbeat(const struct sample *b, const struct sample *a)
{
	(void)b;
	return a->heartbeat_ns > 0 && a->at_ns > a->heartbeat_ns ? (a->at_ns - a->heartbeat_ns) / 1000000 : 0;
}

static const struct column columns[] = {
	{ "cpu_permille", cpu }, { "waited_for_cpu_permille", waited }, { "heartbeat_ms", heartbeat },
	{ "descriptors", fds }, { "descriptors_known", known }, { "memory_bytes", memory },
	{ "connections", connections }, { "overdue", overdue }, { "wakeups_per_s", wakeups },
	{ "spurious_wakeups_per_s", spurious }, { "handshakes_per_s", handshakes }, { "bytes_per_s", bytes },
};

static json_t *series(const struct column *c, const struct sample *list, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 1; i < n; i++)
		json_array_append_new(a, view_u64(c->value(&list[i - 1], &list[i])));
	return a;
}

json_t *watch_view_samples(const struct child *c, uint64_t now_ns)
{
	const struct watched *p = watch_of(c->super, c);

	if (!p || p->samples.n < 2)
		return json_null();
	size_t n = p->samples.n < p->samples.cap ? p->samples.n : p->samples.cap;
	const struct sample *list = p->samples.list + p->samples.n - n;
	json_t *o = json_object(), *ages = json_array();
	for (size_t i = 1; i < n; i++)
		json_array_append_new(ages, view_u64(now_ns > list[i].at_ns ? (now_ns - list[i].at_ns) / 1000000 : 0));
	view_set(o, "interval_ms", json_integer((json_int_t)(c->super->conf->watch.interval * 1000)));
	view_set(o, "generation", json_integer(p->samples.generation));
	view_set(o, "ms_ago", ages);
	for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
		view_set(o, columns[i].name, series(&columns[i], list, n));
	return o;
}
