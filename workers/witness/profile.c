/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/witness/profile.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/ledger.h"
#include "workers/witness/missing.h"
#include "workers/witness/proc.h"
#include "workers/witness/stacks.h"
#include "workers/witness/tracee.h"

#define SAMPLES 50
#define EVERY_MS 19		/* not in step with anything of ten or twenty */
#define STOP_MS 400
#define STOPPED_SAMPLES 2	/* of one that stands still anyway */

struct profile {
	pid_t pid;
	uint64_t start;
	struct stacks *stacks;
	struct tracee tracee;
	uint64_t longest_ns;		/* that it was stopped */
	const char *error;		/* NULL: none */
};

static const char *why_not(int rc)
{
	switch (rc) {
	case -EPERM: return "tlsward may not attach to the process (it needs CAP_SYS_PTRACE, or another tracer is there)";
	case -ESRCH: return "the process has ended";
	case -ETIMEDOUT: return "the process does not stop: it waits in the kernel where no signal reaches it";
	default: return strerror(-rc);
	}
}

static bool ok(struct profile *p, int rc)
{
	if (rc < 0 && !p->error)
		p->error = why_not(rc);
	return rc >= 0;
}

static bool sample(struct profile *p)
{
	if (!ok(p, tracee_stop(&p->tracee, STOP_MS)))
		return false;
	uint64_t began = ledger_now_ns();
	bool had = stacks_take(p->stacks, &p->error);
	uint64_t took = ledger_now_ns() - began;
	p->longest_ns = took > p->longest_ns ? took : p->longest_ns;
	return had;
}

static void take_all(struct profile *p)
{
	for (int i = 1; sample(p); i++)
		if (i == SAMPLES || (p->tracee.group_stop && i == STOPPED_SAMPLES) || !ok(p, tracee_run(&p->tracee, EVERY_MS)))
			return;
}

static json_t *view(struct profile *p)
{
	json_t *o = stacks_view(p->stacks);

	json_object_set_new(o, "every_ms", json_integer(EVERY_MS));
	json_object_set_new(o, "longest_stop_us", json_integer((json_int_t)(p->longest_ns / 1000)));
	return o;
}

json_t *profile_view(pid_t pid, uint64_t start)
{
	struct profile p = { .pid = pid, .start = start };
	json_t *o = NULL;

	p.stacks = stacks_new(pid, &p.error);
	if (p.stacks)
		p.error = NULL;
	if (p.stacks && ok(&p, tracee_attach(&p.tracee, pid))) {
		/* Its number may have a new owner. */
		if (ok(&p, proc_state(pid, start) ? 0 : -ESRCH))
			take_all(&p);
		tracee_detach(&p.tracee);
	}
	o = p.stacks && !stacks_empty(p.stacks) ? view(&p) : json_object();
	if (p.error)
		missing_add(o, json_object_size(o) > 0 ? "the rest of the profile" : "profile", p.error);
	stacks_free(p.stacks);
	return o;
}
