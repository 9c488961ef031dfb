/* SPDX-License-Identifier: BSD-2-Clause */
/* What would be decided for a ClientHello that nobody sent, and where. */
#ifndef ADVISOR_EXPLAIN_H
#define ADVISOR_EXPLAIN_H

#include "common/chains.h"
#include "common/ledger.h"
#include "common/msg.h"
#include "plugins/policy/policy.h"

/* Memory for the strings of an answer. */
struct explanation {
	struct msg_explain_ans ans;
	char backend[MSG_NAME_MAX + 1];
	char where[4][POLICY_WHERE];
	char chain[256], links[2048], problems[MSG_TEXT_MAX], error[128];
};

/*
 * list: as in policy.h; counts: of its first LEDGER_POLICIES scripts; listed:
 * certificates are ordered for the name. e is valid as long as the catalog is
 * not changed.
 */
void explain(const struct msg_explain_req *q, const struct policy *list, const struct ledger_policy *counts,
	const struct catalog *catalog, bool listed, struct explanation *e);

#endif
