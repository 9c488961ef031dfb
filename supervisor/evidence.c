/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/evidence.h"

#include <stdio.h>

#include "supervisor/incidents.h"
#include "supervisor/replacing.h"
#include "supervisor/supervisor.h"
#include "supervisor/watch.h"

static void on_done(struct supervisor *s, struct child *c)
{
	struct watched *p = watch_of(s, c);

	if (!p || p->step == STEP_NONE || s->stopping)
		return;
	p->evidence = true;
	replacing_evidence(p);
}

void evidence_open(struct watched *p)
{
	p->evidence = false;
	p->incident[0] = '\0';
	const char *id = incidents_open(p->s->incidents, p->child, &p->verdict, p->samples.list, p->samples.n,
		p->verdict.kind == VERDICT_CRASH ? NULL : on_done);
	if (id)
		snprintf(p->incident, sizeof p->incident, "%s", id);
	else
		p->evidence = true;	/* there is nothing to wait for */
}

bool evidence_holds(const struct supervisor *s, const struct child *worker)
{
	const struct watched *p = watch_of(s, worker);

	return p && p->step == STEP_SUCCESSOR && !p->evidence;
}

void evidence_step(struct watched *p, const char *text)
{
	if (*p->incident)
		incidents_step(p->s->incidents, p->incident, text);
}
