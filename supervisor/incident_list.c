/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/incident_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "supervisor/supervisor.h"
#include "supervisor/view.h"

const char *report_state_name(enum report_state s)
{
	static const char *const names[] = { "being written", "written", "not written" };

	return names[s];
}

void incident_set_text(json_t *o, const char *key, const char *text)
{
	view_set(o, key, *text ? view_text(text) : json_null());
}

struct incident *incident_find(const struct incidents *i, const char *id)
{
	for (size_t k = i->n; k > 0; k--)
		if (strcmp(i->list[k - 1]->id, id) == 0)
			return i->list[k - 1];
	return NULL;
}

static void free_one(struct incident *one)
{
	ev_timer_stop(one->all->s->loop, &one->deadline);
	json_decref(one->summary);
	json_decref(one->report);
	json_decref(one->steps);
	free(one);
}

void incident_drop(struct incidents *i, size_t at)
{
	free_one(i->list[at]);
	i->n--;
	memmove(i->list + at, i->list + at + 1, (i->n - at) * sizeof i->list[0]);
}

static bool is_busy(const struct incident *one)
{
	return one->state == INCIDENT_OPEN || one->saving;
}

/* The oldest go, but not those that a witness works on. */
void incidents_bound(struct incidents *i)
{
	size_t whole = 0;

	for (size_t k = 0; k < i->n && i->n > REPORTS_KEPT; )
		if (is_busy(i->list[k]))
			k++;
		else
			incident_drop(i, k);
	for (size_t k = i->n; k > 0; k--) {
		struct incident *one = i->list[k - 1];
		if (one->state != INCIDENT_KEPT || !one->report || ++whole <= REPORTS_IN_MEMORY)
			continue;
		json_decref(one->report);
		one->report = NULL;
	}
}

size_t incidents_open_n(const struct incidents *i)
{
	size_t n = 0;

	for (size_t k = 0; k < i->n; k++)
		n += is_busy(i->list[k]);
	return n;
}

struct incident *incident_new(struct incidents *i, const char *id)
{
	struct incident *one = calloc(1, sizeof *one);

	if (!one)
		return NULL;
	char *mine = i->ids[i->ids_n++ % INCIDENT_IDS];
	snprintf(mine, INCIDENT_ID_BYTES, "%s", id);
	one->all = i;
	one->id = mine;
	one->steps = json_array();
	ev_init(&one->deadline, i->on_deadline);
	one->deadline.data = one;
	return one;
}

void incident_make_id(const struct incidents *i, char id[INCIDENT_ID_BYTES])
{
	time_t now = time(NULL);
	struct tm tm;
	char at[32];
	unsigned n = 0;

	gmtime_r(&now, &tm);
	strftime(at, sizeof at, "%Y%m%d-%H%M%S", &tm);
	do
		snprintf(id, INCIDENT_ID_BYTES, "%s-%03u", at, n++);
	while (incident_find(i, id));
}

json_t *incident_summary(const struct incident *one)
{
	json_t *o = json_copy(one->summary);

	view_set(o, "state", json_string(report_state_name(one->state)));
	if (*one->failed)
		view_set(o, "why", view_text(one->failed));
	return o;
}
