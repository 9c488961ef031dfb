/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks policies in order. */
#include "plugins/policy/policy.h"

void policy_allow(const struct policy *list, const struct policy_question *q, struct policy_answer *a)
{
	*a = (struct policy_answer){ .verdict = POLICY_NO_OPINION };
	for (const struct policy *p = list; p->ops && a->verdict == POLICY_NO_OPINION; p++)
		if (p->ops->allow)
			p->ops->allow(p->self, q, a);
}

void policy_timeouts(const struct policy *list, const struct policy_question *q, struct deadlines *d)
{
	*d = *q->deadlines;
	for (const struct policy *p = list; p->ops; p++)
		if (p->ops->timeouts)
			p->ops->timeouts(p->self, q, d);
}

const char *policy_route(const struct policy *list, const struct policy_question *q)
{
	const char *backend = NULL;

	for (const struct policy *p = list; p->ops && !backend; p++)
		if (p->ops->route)
			backend = p->ops->route(p->self, q);
	return backend;
}
