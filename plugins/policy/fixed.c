/* SPDX-License-Identifier: BSD-2-Clause */
/* The policy that the configuration alone gives: serve what a certificate covers. */
#include "common/text.h"
#include "plugins/policy/policy.h"

#define ALERT_UNRECOGNIZED_NAME 112	/* RFC 6066 3 */

static enum policy_result fixed_allow(void *self, const struct policy_question *q, struct policy_allow *a)
{
	(void)self;
	a->allowed = q->covered || q->listed;
	a->alert = ALERT_UNRECOGNIZED_NAME;
	if (q->listed && !q->covered)
		text_copy(a->where, sizeof a->where, "configuration: a certificate is ordered for the name");
	else if (q->sni)
		text_join(a->where, sizeof a->where, "configuration: ", q->covered ? "a" : "no", " certificate covers the name", NULL);
	else
		text_join(a->where, sizeof a->where, "configuration: no name, ", q->covered ? "so the" : "and no",
			" default_certificate", NULL);
	return POLICY_ANSWERED;
}

static enum policy_result fixed_timeouts(void *self, const struct policy_question *q, struct policy_timeouts *a)
{
	(void)self;
	a->deadlines = *q->deadlines;
	text_join(a->where, sizeof a->where, "configuration: timeouts of listener ", q->listener, NULL);
	return POLICY_ANSWERED;
}

static enum policy_result fixed_chain(void *self, const struct policy_question *q, struct policy_chain *a)
{
	(void)self;
	a->sources = *q->chain_sources;
	a->incomplete = CHAIN_SERVE;
	text_copy(a->where, sizeof a->where, "configuration");
	return POLICY_ANSWERED;
}

static enum policy_result fixed_route(void *self, const struct policy_question *q, struct policy_route *a)
{
	(void)self;
	text_copy(a->backend, sizeof a->backend, q->backend);
	text_join(a->where, sizeof a->where, "configuration: backend of listener ", q->listener, NULL);
	return POLICY_ANSWERED;
}

const struct policy_ops policy_fixed = {
	.name = "configuration",
	.version = POLICY_VERSION,
	.allow = fixed_allow,
	.timeouts = fixed_timeouts,
	.chain = fixed_chain,
	.route = fixed_route,
};
