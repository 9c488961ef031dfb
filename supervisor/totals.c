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

static void add_policy(struct ledger_policy *sum, const struct ledger_policy *p)
{
	for (int a = 0; a < ASKED_COUNT; a++)
		for (int r = 0; r < RESULT_COUNT; r++)
			sum->calls[a][r] += p->calls[a][r];
	if (p->error_ns <= sum->error_ns)
		return;
	sum->error_ns = p->error_ns;
	memcpy(sum->last_error, p->last_error, sizeof sum->last_error);
}

/* A process that ended before it had a policy says nothing of what is in force. */
static void keep_policies(struct totals *t, const struct ledger_head *head)
{
	struct ledger_policy kept[LEDGER_POLICIES] = { 0 };
	int n = 0;

	for (int i = 0; i < LEDGER_POLICIES; i++) {
		if (!ledger_policy_copy(&head->policies[i], &kept[n]))
			continue;
		for (int k = 0; k < LEDGER_POLICIES; k++)
			if (strcmp(t->policies[k].name, kept[n].name) == 0)
				add_policy(&kept[n], &t->policies[k]);
		n++;
	}
	if (n == 0)
		return;
	memset(&kept[n], 0, (size_t)(LEDGER_POLICIES - n) * sizeof *kept);
	memcpy(t->policies, kept, sizeof kept);
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
	keep_policies(t, l->head);
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

void totals_policy(const struct totals *t, const struct ledger *l, const char *file, struct ledger_policy *sum)
{
	struct ledger_policy p;

	for (int i = 0; i < LEDGER_POLICIES; i++) {
		if (strncmp(t->policies[i].name, file, sizeof p.name - 1) == 0)
			add_policy(sum, &t->policies[i]);
		if (l->head && ledger_policy_copy(&l->head->policies[i], &p) && strncmp(p.name, file, sizeof p.name - 1) == 0)
			add_policy(sum, &p);
	}
}
