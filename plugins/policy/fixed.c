/* SPDX-License-Identifier: BSD-2-Clause */
/* The policy that the configuration alone gives: serve what a certificate covers. */
#include "plugins/policy/policy.h"

#define ALERT_UNRECOGNIZED_NAME 112	/* RFC 6066 3 */

static void fixed_allow(void *self, const struct policy_question *q, struct policy_answer *a)
{
	(void)self;
	if (q->covered) {
		*a = (struct policy_answer){ .verdict = POLICY_ALLOW,
			.where = q->sni ? "configuration: a certificate covers the name"
					: "configuration: default_certificate" };
		return;
	}
	*a = (struct policy_answer){ .verdict = POLICY_REFUSE, .alert = ALERT_UNRECOGNIZED_NAME,
		.where = q->sni ? "configuration: no certificate covers the name"
				: "configuration: no name given and no default_certificate" };
}

static const char *fixed_route(void *self, const struct policy_question *q)
{
	(void)self;
	return q->backend;
}

const struct policy_ops policy_fixed = {
	.name = "configuration",
	.version = POLICY_VERSION,
	.allow = fixed_allow,
	.route = fixed_route,
};
