/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/policies.h"

#include <errno.h>

#include "common/log.h"
#include "plugins/policy/lua_list.h"
#include "workers/worker/messages.h"

int policies_init(struct worker *w)
{
	w->policy_list = lua_list_new(w->self.ledger.head);
	if (!w->policy_list)
		return -ENOMEM;
	w->policies = lua_list_policies(w->policy_list);
	return 0;
}

void policies_clear(struct worker *w)
{
	lua_list_free(w->policy_list);
	w->policy_list = NULL;
}

const char *policies_commit(struct worker *w, uint32_t id)
{
	struct msg answer = { .type = MSG_POLICY_ANS, .id = id };

	if (!lua_list_is_complete(w->policy_list))
		return "";
	ledger_doing(&w->self.ledger, DOING_LOAD, UINT32_MAX);
	lua_list_commit(w->policy_list, &answer.policy_ans);
	w->policies = lua_list_policies(w->policy_list);
	if (answer.policy_ans.error[0])
		log_error("policy %u is refused, the one before stays: %s", answer.policy_ans.generation,
			answer.policy_ans.error);
	else
		log_info("policy %u is in force", answer.policy_ans.generation);
	messages_send(w, &answer);
	ledger_doing(&w->self.ledger, DOING_MESSAGE, UINT32_MAX);
	return answer.policy_ans.error;
}

int policies_take(struct worker *w, const struct msg *m, struct packet *p)
{
	int rc = 0;

	if (m->type == MSG_POLICY)
		lua_list_begin(w->policy_list, &m->policy);
	else if (m->type == MSG_SCRIPT)
		rc = lua_list_script(w->policy_list, &m->script, packet_take_fd(p, 0));
	else
		rc = lua_list_set(w->policy_list, &m->set, packet_take_fd(p, 0));
	return rc;
}
