/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/helper.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "supervisor/spawn.h"

#define START_MS 10000

static int introduce(struct helper *h, int ledger_fd, int log_level)
{
	struct msg m = { .type = MSG_INTRO, .intro = { .version = MSG_VERSION, .role = (uint8_t)h->role, .generation = 1,
		.log_level = (uint8_t)log_level } };

#ifndef WITH_SANITIZERS
	m.intro.sandbox = true;
#endif
	int rc = helper_send(h, &m, &ledger_fd, 1);
	return rc < 0 ? rc : helper_wait(h, MSG_INTRO_ANS, START_MS);
}

int helper_start(struct helper *h, enum role role, const struct programs *programs, const struct privileges *privileges, int log_level)
{
	struct spawn sp = { .role = role, .programs = programs, .privileges = privileges, .log_fd = STDERR_FILENO,
		.extra_fd = -1, .cpu = SPAWN_NO_CPU };
	int ledger_fd = -1, fds[2];

	*h = (struct helper){ .role = role };
	channel_init(&h->channel, -1);
	int rc = ledger_new(&h->ledger, &ledger_fd, role, 0, 1, 0, 0);
	if (rc == 0)
		rc = channel_pair(fds);
	if (rc < 0)
		goto out;
	channel_init(&h->channel, fds[0]);
	sp.channel_fd = fds[1];
	rc = spawn(&sp);
	close(fds[1]);
	if (rc > 0) {
		h->pid = rc;
		rc = introduce(h, ledger_fd, log_level);
	}
out:
	if (ledger_fd >= 0)
		close(ledger_fd);
	return rc;
}

int helper_send(struct helper *h, const struct msg *m, const int *fds, int nfds)
{
	return msg_send(&h->channel, m, fds, nfds);
}

int helper_wait(struct helper *h, enum msg_type type, int timeout_ms)
{
	uint64_t until = ledger_now_ns() + (uint64_t)timeout_ms * 1000000;
	const char *why;

	for (;;) {
		uint64_t now = ledger_now_ns();
		if (now >= until)
			return -ETIMEDOUT;
		packet_close_fds(&h->packet);
		int rc = channel_recv_wait(&h->channel, &h->packet, (int)((until - now) / 1000000) + 1);
		if (rc == 0)
			rc = msg_decode(&h->packet, h->role, ROLE_SUPERVISOR, &h->answer, &why);
		if (rc < 0 || h->answer.type == type)
			return rc;
	}
}

void helper_end(struct helper *h)
{
	if (h->pid > 0) {
		kill(h->pid, SIGKILL);
		while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
			;
		packet_close_fds(&h->packet);
		channel_clear(&h->channel);
	}
	h->pid = 0;
	ledger_clear(&h->ledger);
}
