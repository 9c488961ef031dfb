/* SPDX-License-Identifier: BSD-2-Clause */
/* Program tlsward-worker: accepts, does TLS, relays. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/log.h"
#include "common/sandbox.h"
#include "workers/worker/worker.h"
#include "workers/worker/x25519.h"

/* After this a worker may not open, execute, trace, listen, or make datagrams. */
static void confine(struct worker *w, char *missing, size_t size)
{
	struct rlimit none = { 0, 0 };

	missing[0] = '\0';
	setrlimit(RLIMIT_CORE, &none);
	if (!w->self.sandbox) {
		snprintf(missing, size, "seccomp (sandbox is off)");
		return;
	}
	int rc = sandbox_enter(SANDBOX_ACCEPT | SANDBOX_CONNECT | SANDBOX_EPOLL | SANDBOX_LANDLOCK | SANDBOX_TIMER);
	if (rc < 0)
		snprintf(missing, size, "seccomp (%s)", strerror(-rc));
}

int main(void)
{
	static struct worker w;
	char missing[128];

	role_begin(&w.self, ROLE_WORKER);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);	/* a terminal sends it to all of us; the supervisor decides */
	int rc = x25519_init();
	if (rc == 0)
		rc = worker_init(&w);
	if (rc < 0) {
		log_error("cannot start: %s", strerror(-rc));
		return EXIT_FAILURE;
	}
	confine(&w, missing, sizeof missing);
	role_introduce(&w.self, missing);
	worker_run(&w);
	worker_clear(&w);
	ledger_clear(&w.self.ledger);
	channel_clear(&w.self.channel);
	return EXIT_SUCCESS;
}
