/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks policies in order. */
#include "plugins/policy/policy.h"

#define ALERT_INTERNAL_ERROR 80

void policy_allow(const struct policy *list, const struct policy_question *q, struct policy_allow *a)
{
	*a = (struct policy_allow){ .alert = ALERT_INTERNAL_ERROR };
	for (const struct policy *p = list; p->ops; p++) {
		enum policy_result r = p->ops->allow ? p->ops->allow(p->self, q, a) : POLICY_NO_OPINION;
		if (r == POLICY_ANSWERED)
			return;
		a->allowed = false;
		a->alert = ALERT_INTERNAL_ERROR;
		if (r != POLICY_NO_OPINION)	/* whoever cannot be asked might have refused */
			return;
	}
}

void policy_timeouts(const struct policy *list, const struct policy_question *q, struct policy_timeouts *a)
{
	for (const struct policy *p = list; p->ops; p++) {
		*a = (struct policy_timeouts){ .deadlines = *q->deadlines };
		if (p->ops->timeouts && p->ops->timeouts(p->self, q, a) == POLICY_ANSWERED)
			return;
	}
}

void policy_chain(const struct policy *list, const struct policy_question *q, struct policy_chain *a)
{
	for (const struct policy *p = list; p->ops; p++) {
		*a = (struct policy_chain){ .incomplete = CHAIN_SERVE };
		if (p->ops->chain && p->ops->chain(p->self, q, a) == POLICY_ANSWERED)
			return;
	}
}

void policy_route(const struct policy *list, const struct policy_question *q, struct policy_route *a)
{
	for (const struct policy *p = list; p->ops; p++) {
		*a = (struct policy_route){ .backend = "" };
		if (p->ops->route && p->ops->route(p->self, q, a) == POLICY_ANSWERED)
			return;
	}
}

void policy_worker(const struct policy *list, const struct policy_sick *q, struct policy_worker *a)
{
	for (const struct policy *p = list; p->ops; p++) {
		*a = (struct policy_worker){ .treatment = TREATMENT_NO_OPINION };
		if (p->ops->worker && p->ops->worker(p->self, q, a) == POLICY_ANSWERED)
			return;
	}
	*a = (struct policy_worker){ .treatment = TREATMENT_NO_OPINION };
}
