/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How every role program begins: descriptor 2 is the log pipe, 3 the channel
 * to the supervisor, whose first packet introduces the process to itself and
 * brings its ledger.
 */
#ifndef COMMON_ROLE_H
#define COMMON_ROLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/channel.h"
#include "common/ledger.h"
#include "common/msg.h"

#define ROLE_CHANNEL_FD 3

struct role_self {
	enum role role;
	uint32_t index, generation;
	bool sandbox;
	struct channel channel;
	struct ledger ledger;
};

/*
 * Waits for the introduction (at most 10 s), opens log and ledger, sets the
 * process's name. Exits with a message if it was not started by a supervisor.
 */
void role_begin(struct role_self *self, enum role expected);
/* Answers the introduction; missing: protections that do not hold, or "". */
int role_introduce(struct role_self *self, const char *missing);
/* Says that it is ready; what is open now counts as its own in the ledger. */
int role_ready(struct role_self *self);

/*
 * Receives and decodes one message from the supervisor. Returns as
 * channel_recv(); a message that breaks the protocol is logged and is -EBADMSG.
 */
int role_recv(struct role_self *self, struct packet *p, struct msg *m);

#endif
