/* SPDX-License-Identifier: BSD-2-Clause */
/* A role's process for somebody who may wait: started, asked, ended, each with a deadline. */
#ifndef SUPERVISOR_HELPER_H
#define SUPERVISOR_HELPER_H

#include "common/channel.h"
#include "common/ledger.h"
#include "common/msg.h"
#include "supervisor/privilege.h"
#include "supervisor/programs.h"

struct helper {
	enum role role;
	pid_t pid;			/* 0: none */
	struct channel channel;
	struct ledger ledger;
	struct packet packet;		/* the last answer */
	struct msg answer;		/* points into it */
};

/* 0 or a negative errno. Log lines of the process from that level on go to standard error. */
int helper_start(struct helper *h, enum role role, const struct programs *programs, const struct privileges *privileges, int log_level);
int helper_send(struct helper *h, const struct msg *m, const int *fds, int nfds);
/* Waits for a message of that type; others are dropped. -ETIMEDOUT, -EPIPE (it ended), -EBADMSG. */
int helper_wait(struct helper *h, enum msg_type type, int timeout_ms);
/* Ends it. Takes one that was never started. */
void helper_end(struct helper *h);

#endif
