/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/role.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/faults.h"
#include "common/log.h"

#define INTRODUCTION_MS 10000

static void __attribute__((noreturn)) die(enum role role, const char *why)
{
	fprintf(stderr, "tlsward-%s: %s\n", role_name(role), why);
	exit(1);
}

static void require_channel(enum role role)
{
	int type = 0;
	socklen_t len = sizeof type;

	if (getsockopt(ROLE_CHANNEL_FD, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_SEQPACKET)
		die(role, "is started by tlsward, not by hand; see tlsward(8)");
}

static void name_process(struct role_self *self)
{
	char who[32], name[16];

	if (self->role == ROLE_WORKER)
		snprintf(who, sizeof who, "%s.%u", role_name(self->role), self->index);
	else
		snprintf(who, sizeof who, "%s", role_name(self->role));
	snprintf(name, sizeof name, "tlsw-%.10s", who);
	prctl(PR_SET_NAME, name);
	log_init(STDERR_FILENO, who, LOG_LEVEL_INFO);
}

void role_begin(struct role_self *self, enum role expected)
{
	struct packet p;
	struct msg m;
	const char *why = "no introduction came";

	*self = (struct role_self){ .role = expected };
	require_channel(expected);
	channel_init(&self->channel, ROLE_CHANNEL_FD);
	if (channel_recv_wait(&self->channel, &p, INTRODUCTION_MS) < 0 ||
	    msg_decode(&p, ROLE_SUPERVISOR, expected, &m, &why) < 0)
		die(expected, why);
	if (m.type != MSG_INTRO || m.intro.version != MSG_VERSION || m.intro.role != expected)
		die(expected, "the supervisor speaks another version of the protocol");
	self->index = m.intro.index;
	self->generation = m.intro.generation;
	self->sandbox = m.intro.sandbox;
	name_process(self);
	log_set_level(m.intro.log_level);
	int fd = packet_take_fd(&p, 0);
	int rc = ledger_attach(&self->ledger, fd);
	close(fd);
	if (rc < 0)
		die(expected, "its ledger cannot be mapped");
}

int role_introduce(struct role_self *self, const char *missing)
{
	struct msg m = { .type = MSG_INTRO_ANS,
		.intro_ans = { .version = MSG_VERSION, .protections_missing = missing } };

	return msg_send(&self->channel, &m, NULL, 0);
}

int role_ready(struct role_self *self)
{
	struct msg m = { .type = MSG_READY };

	ledger_own_open_fds(&self->ledger);
	return msg_send(&self->channel, &m, NULL, 0);
}

int role_recv(struct role_self *self, struct packet *p, struct msg *m)
{
	const char *why = "";
	int rc = channel_recv(&self->channel, p);

	if (rc < 0)
		return rc;
	rc = msg_decode(p, ROLE_SUPERVISOR, self->role, m, &why);
	if (rc < 0) {
		log_error("message from the supervisor breaks the protocol: %s", why);
		packet_close_fds(p);
	}
#ifdef WITH_FAULTS
	if (rc == 0 && m->type == MSG_FAULT && fault_obey(m->fault.kind, m->fault.rate))
		return -EAGAIN;
#endif
	return rc;
}
