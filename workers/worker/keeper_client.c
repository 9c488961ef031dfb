/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/keeper_client.h"

#include <errno.h>


void keeper_client_init(struct keeper_client *k)
{
	*k = (struct keeper_client){ .down = true };
	channel_init(&k->channel, -1);
}

void keeper_client_connect(struct keeper_client *k, int fd, uint32_t pid)
{
	channel_clear(&k->channel);
	channel_init(&k->channel, fd);
	k->pid = pid;
	k->down = false;
}

void keeper_client_clear(struct keeper_client *k)
{
	channel_clear(&k->channel);
	k->down = true;
}

/* An answer that comes later would be taken for the next one: so close. */
static int give_up(struct keeper_client *k, int rc)
{
	keeper_client_clear(k);
	return rc;
}

static int receive(struct keeper_client *k, uint32_t id, struct bytes *signature)
{
	struct msg m;
	const char *why;
	int rc = channel_recv_wait(&k->channel, &k->packet, k->deadline_ms);

	if (rc < 0)
		return give_up(k, rc == -ETIMEDOUT ? rc : -EPIPE);
	if (msg_decode(&k->packet, ROLE_SIGNER, ROLE_WORKER, &m, &why) < 0 || m.id != id)
		return give_up(k, -EPIPE);
	if (m.sign_ans.error != SIGN_OK || m.sign_ans.signature.size == 0)
		return -EKEYREJECTED;
	*signature = m.sign_ans.signature;
	return 0;
}

int keeper_client_sign(struct keeper_client *k, const struct msg_sign_req *req, struct bytes *signature)
{
	struct msg m = { .type = MSG_SIGN_REQ, .id = ++k->next_id, .sign_req = *req };

	if (k->down)
		return -EPIPE;
	int rc = msg_send(&k->channel, &m, NULL, 0);
	if (rc == -EMSGSIZE)
		return -EKEYREJECTED;
	if (rc < 0 || channel_pending(&k->channel) > 0)
		return give_up(k, -EPIPE);
	return receive(k, m.id, signature);
}
