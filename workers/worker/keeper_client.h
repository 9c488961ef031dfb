/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signatures from the worker's keeper server: a blocking round trip with a
 * deadline. After one missed answer the keeper is taken for down, and asking
 * fails at once, until a new channel comes.
 */
#ifndef WORKER_KEEPER_CLIENT_H
#define WORKER_KEEPER_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/channel.h"
#include "common/msg.h"

struct keeper_client {
	struct channel channel;		/* closed while down */
	uint32_t pid;			/* of the server, for the supervisor */
	uint32_t next_id;
	int deadline_ms;
	bool down;
	struct packet packet;		/* holds the last signature */
};

void keeper_client_init(struct keeper_client *k);
/* Takes fd: a fresh server. */
void keeper_client_connect(struct keeper_client *k, int fd, uint32_t pid);
void keeper_client_clear(struct keeper_client *k);

/*
 * Asks for one signature, which *signature lends until the next call.
 * Returns 0, -ETIMEDOUT (now down), -EPIPE (is down), -EKEYREJECTED (the
 * keeper refused or failed).
 */
int keeper_client_sign(struct keeper_client *k, const struct msg_sign_req *req, struct bytes *signature);

#endif
