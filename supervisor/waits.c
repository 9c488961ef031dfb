/* SPDX-License-Identifier: BSD-2-Clause */
/* The method `waits`: which names connections are held for, by whom, since when. */
#include <stdlib.h>
#include <string.h>

#include "supervisor/fetches.h"
#include "supervisor/methods.h"
#include "supervisor/view.h"

#define NAMES_MAX 100		/* in an answer; those with most connections */

/* A connection that is held; after grouping, a name. */
struct wait {
	char sni[256];
	uint64_t oldest_ns, n;
};

struct waits {
	struct wait *list;
	size_t n, cap;
};

static void add(struct waits *w, const struct ledger_conn *c)
{
	if (w->n == w->cap) {
		size_t cap = w->cap ? 2 * w->cap : 64;
		struct wait *list = reallocarray(w->list, cap, sizeof *list);
		if (!list)
			return;		/* an answer with fewer is better than none */
		w->list = list;
		w->cap = cap;
	}
	struct wait *one = &w->list[w->n++];
	memcpy(one->sni, c->sni, sizeof one->sni);
	one->oldest_ns = c->phase_since_ns;
	one->n = 1;
}

static void collect(struct waits *w, const struct child *worker)
{
	const struct ledger *l = &worker->ledger;
	struct ledger_conn c;
	unsigned unused = 0;

	for (uint32_t i = 0; worker->pid && i < view_conns_n(l) && unused < VIEW_UNUSED_RUN; i++) {
		const struct ledger_conn *at = &l->conns[i];
		unused = __atomic_load_n(&at->seq, __ATOMIC_RELAXED) == 0 ? unused + 1 : 0;
		if (__atomic_load_n(&at->phase, __ATOMIC_RELAXED) != PHASE_HOLD)
			continue;
		ledger_conn_copy(at, &c);
		if (c.phase == PHASE_HOLD)
			add(w, &c);
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct wait *)a)->sni, ((const struct wait *)b)->sni);
}

static int by_number(const void *a, const void *b)
{
	const struct wait *x = a, *y = b;

	return x->n != y->n ? (x->n < y->n ? 1 : -1) : by_name(a, b);
}

/* Those of one name become one, the names with most connections first. */
static void group(struct waits *w)
{
	size_t n = 0;

	if (w->n == 0)
		return;
	qsort(w->list, w->n, sizeof *w->list, by_name);
	for (size_t i = 1; i < w->n; i++) {
		struct wait *to = &w->list[n], *from = &w->list[i];
		if (strcmp(to->sni, from->sni) != 0) {
			w->list[++n] = *from;
			continue;
		}
		to->n++;
		if (from->oldest_ns < to->oldest_ns)
			to->oldest_ns = from->oldest_ns;
	}
	w->n = n + 1;
	qsort(w->list, w->n, sizeof *w->list, by_number);
}

json_t *method_waits(struct call *call)
{
	struct waits w = { .list = NULL };
	json_t *list = json_array();
	uint64_t held = 0;

	for (int i = 0; i < call->s->workers_n; i++)
		collect(&w, &call->s->workers[i]);
	held = w.n;
	group(&w);
	for (size_t i = 0; i < w.n && i < NAMES_MAX; i++) {
		const struct wait *one = &w.list[i];
		uint64_t age_ns = call->now_ns > one->oldest_ns ? call->now_ns - one->oldest_ns : 0;
		json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o}", "name", view_text(one->sni),
			"held", view_u64(one->n), "oldest_ms", view_u64(age_ns / 1000000),
			"order", fetch_row_view(fetches_find_order(&call->s->fetches, one->sni))));
	}
	json_t *result = json_pack("{s:o, s:o, s:o}", "held", view_u64(held), "names", view_u64(w.n), "waits", list);
	free(w.list);
	return result;
}
