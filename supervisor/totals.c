/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/totals.h"

#include <string.h>

/* The row for that server; an unused one if there is none; NULL: all are in use. */
static struct ledger_server *row_for(struct totals *t, const struct ledger_server *s)
{
	for (int i = 0; i < LEDGER_SERVERS; i++) {
		struct ledger_server *row = &t->servers[i];
		if (row->backend[0] == '\0' || (strcmp(row->backend, s->backend) == 0 && strcmp(row->label, s->label) == 0))
			return row;
	}
	return NULL;
}

static void keep_server(struct totals *t, const struct ledger_server *s)
{
	struct ledger_server *row = row_for(t, s);

	if (!row)
		return;
	memcpy(row->backend, s->backend, sizeof row->backend);
	memcpy(row->label, s->label, sizeof row->label);
	row->connects += s->connects;
	row->failures += s->failures;
}

void totals_keep(struct totals *t, const struct ledger *l)
{
	struct ledger_server s;

	if (!l->head)
		return;
	for (int i = 0; i < COUNT_COUNT; i++)
		t->counters[i] += ledger_get(&l->head->counters[i]);
	for (int i = 0; i < END_COUNT; i++)
		t->ends[i] += ledger_get(&l->head->ends[i]);
	for (int i = 0; i < LEDGER_SERVERS; i++)
		if (ledger_server_copy(&l->head->servers[i], &s))
			keep_server(t, &s);
}

uint64_t totals_counter(const struct totals *t, const struct ledger *l, enum counter c)
{
	return t->counters[c] + (l->head ? ledger_get(&l->head->counters[c]) : 0);
}

uint64_t totals_end(const struct totals *t, const struct ledger *l, enum end e)
{
	return t->ends[e] + (l->head ? ledger_get(&l->head->ends[e]) : 0);
}

static void add(struct ledger_server *sum, const struct ledger_server *s, const char *backend, const char *label)
{
	if (strcmp(s->backend, backend) != 0 || strcmp(s->label, label) != 0)
		return;
	sum->connects += s->connects;
	sum->failures += s->failures;
	if (s->rests_until_ns > sum->rests_until_ns)
		sum->rests_until_ns = s->rests_until_ns;
}

void totals_server(const struct totals *t, const struct ledger *l, const char *backend, const char *label,
	struct ledger_server *sum)
{
	struct ledger_server s;

	for (int i = 0; i < LEDGER_SERVERS; i++) {
		add(sum, &t->servers[i], backend, label);
		if (l->head && ledger_server_copy(&l->head->servers[i], &s))
			add(sum, &s, backend, label);
	}
}
