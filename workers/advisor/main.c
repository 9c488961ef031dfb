/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The advisor: runs policy off the data path. It compiles scripts for the
 * supervisor, loads a policy before any worker does, and explains what would
 * be decided. It sees no client, and nobody waits for it without a deadline.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/hostset.h"
#include "common/landlock.h"
#include "common/log.h"
#include "common/role.h"
#include "common/sandbox.h"
#include "plugins/policy/lua_list.h"
#include "workers/advisor/check.h"
#include "workers/advisor/explain.h"

#define TURN_MS 1000		/* a heartbeat at least that often */
#define ANSWERS_WAITING_MAX 64	/* packets; the channel takes 256 */

struct advisor {
	struct role_self self;
	struct catalog catalog;
	struct lua_list *policies;
	struct hostset *lists[ACME_LISTS];	/* of names that certificates are ordered for; or NULL */
	bool stop;
	int failed;			/* negative errno: it cannot go on */
};

static void fail(struct advisor *a, const char *what, int rc)
{
	if (a->failed == 0)
		log_error("%s: %s", what, strerror(-rc));
	a->failed = rc;
}

/* A supervisor that is gone is an end, not a failure. */
static void answer(struct advisor *a, const struct msg *m, int fd)
{
	int rc = msg_send(&a->self.channel, m, &fd, fd >= 0);

	if (rc == -EPIPE || rc == -ECONNRESET)
		a->stop = true;
	else if (rc < 0)
		fail(a, "an answer could not be sent", rc);
}

static void on_script_req(struct advisor *a, const struct msg *m, struct packet *p)
{
	struct msg ans = { .type = MSG_SCRIPT_ANS, .id = m->id };
	static struct check_memory memory;
	int fd;

	check_script(&m->script_req, p->fds[0], &ans.script_ans, &fd, &memory);
	answer(a, &ans, fd);
	if (fd >= 0)
		close(fd);
}

/* A part of a policy, or a set of the one that is loaded. */
static int on_policy(struct advisor *a, const struct msg *m, struct packet *p)
{
	struct msg ans = { .type = MSG_POLICY_ANS, .id = m->id };
	int rc = 0;

	if (m->type == MSG_POLICY)
		lua_list_begin(a->policies, &m->policy);
	else if (m->type == MSG_SCRIPT)
		rc = lua_list_script(a->policies, &m->script, packet_take_fd(p, 0));
	else
		rc = lua_list_set(a->policies, &m->set, packet_take_fd(p, 0));
	if (rc < 0 || !lua_list_is_complete(a->policies))
		return rc;
	lua_list_commit(a->policies, &ans.policy_ans);
	answer(a, &ans, -1);
	return 0;
}

static void on_catalog(struct advisor *a, const struct msg_catalog *m, struct packet *p)
{
	int fds[FDPASS_MAX], n = p->nfds;

	for (int i = 0; i < n; i++)
		fds[i] = packet_take_fd(p, i);
	/* Few names are ever looked for here, and workers check all of it. */
	int rc = catalog_open(&a->catalog, m->generation, fds, n);
	if (rc < 0)
		log_error("catalog %u is refused: %s", m->generation, strerror(-rc));
	else
		ledger_set(&a->self.ledger.head->gauges[GAUGE_CATALOG_GENERATION], m->generation);
}

static bool advisor_lists(const struct advisor *a, const char *name)
{
	for (int i = 0; i < ACME_LISTS; i++)
		if (a->lists[i] && hostset_contains(a->lists[i], name))
			return true;
	return false;
}

static void on_explain_req(struct advisor *a, const struct msg *m)
{
	static struct explanation e;

	explain(&m->explain_req, lua_list_policies(a->policies), a->self.ledger.head->policies, &a->catalog,
		advisor_lists(a, m->explain_req.sni), &e);
	struct msg ans = { .type = MSG_EXPLAIN_ANS, .id = m->id, .explain_ans = e.ans };
	answer(a, &ans, -1);
}

static int on_acme_names(struct advisor *a, const struct msg_acme_names *m, struct packet *p)
{
	if (m->list >= ACME_LISTS)
		return -EBADMSG;
	hostset_unref(a->lists[m->list]);
	a->lists[m->list] = p->nfds ? hostset_load(packet_take_fd(p, 0)) : NULL;
	return p->nfds && !a->lists[m->list] ? -errno : 0;
}

/* Before a certificate is ordered: by then there is a name, and nothing else to decide by. */
static void on_allow_req(struct advisor *a, const struct msg *m)
{
	struct catalog_found found;
	struct policy_question q = { .sni = m->allow_req.name, .time_s = time(NULL), .listener = NULL,
		.covered = catalog_find(&a->catalog, m->allow_req.name, &found), .listed = advisor_lists(a, m->allow_req.name) };
	struct policy_allow answered;

	policy_allow(lua_list_policies(a->policies), &q, &answered);
	struct msg ans = { .type = MSG_ALLOW_ANS, .id = m->id, .allow_ans = { .allowed = answered.allowed, .where = answered.where } };
	answer(a, &ans, -1);
}

static struct policy_sick sick_of(const struct msg_judge_req *m)
{
	return (struct policy_sick){ .role = m->role, .worker = m->worker, .generation = m->generation,
		.verdict = m->verdict, .numbers = m->numbers, .since_s = (double)m->since_ms / 1e3,
		.uptime_s = (double)m->uptime_ms / 1e3, .heartbeat_age_s = (double)m->heartbeat_ms / 1e3,
		.cpu_share = m->cpu_permille / 1e3, .waited_share = m->waited_permille / 1e3,
		.memory_bytes = m->memory_bytes, .fds = m->fds, .fds_known = m->fds_known, .fds_limit = m->fds_limit,
		.connections = m->connections, .overdue = m->overdue, .bytes = m->bytes, .handshakes = m->handshakes,
		.accepts = m->accepts, .wakeups = m->wakeups, .spurious = m->spurious, .stopped = m->stopped,
		.waits_for_keeper = m->waits_for_keeper };
}

static void on_judge_req(struct advisor *a, const struct msg *m)
{
	struct policy_sick q = sick_of(&m->judge_req);
	struct policy_worker w;

	policy_worker(lua_list_policies(a->policies), &q, &w);
	struct msg ans = { .type = MSG_JUDGE_ANS, .id = m->id, .judge_ans = { .treatment = (uint8_t)w.treatment, .where = w.where } };
	answer(a, &ans, -1);
}

static void on_message(struct advisor *a, const struct msg *m, struct packet *p)
{
	int rc = 0;

	ledger_doing(&a->self.ledger, DOING_LOAD, UINT32_MAX);
	switch (m->type) {
	case MSG_SCRIPT_REQ: on_script_req(a, m, p); break;
	case MSG_POLICY:
	case MSG_SET:
	case MSG_SCRIPT: rc = on_policy(a, m, p); break;
	case MSG_CATALOG: on_catalog(a, &m->catalog, p); break;
	case MSG_EXPLAIN_REQ: on_explain_req(a, m); break;
	case MSG_JUDGE_REQ: on_judge_req(a, m); break;
	case MSG_ALLOW_REQ: on_allow_req(a, m); break;
	case MSG_ACME_NAMES: rc = on_acme_names(a, &m->acme_names, p); break;
	case MSG_LOG_LEVEL: log_set_level(m->log_level.log_level); break;
	default: rc = -EBADMSG;
	}
	if (rc < 0)
		fail(a, msg_name(m->type), rc);
}

static void read_message(struct advisor *a)
{
	static struct packet p;
	struct msg m;
	int rc = role_recv(&a->self, &p, &m);

	if (rc == -EAGAIN)
		return;
	if (rc == -EPIPE || rc == -ECONNRESET) {
		a->stop = true;
	} else if (rc < 0) {
		fail(a, "the channel to the supervisor failed", rc);
	} else {
		on_message(a, &m, &p);
		packet_close_fds(&p);
	}
}

static void turn(struct advisor *a)
{
	bool full = channel_pending(&a->self.channel) >= ANSWERS_WAITING_MAX;
	struct pollfd fd = { .fd = a->self.channel.fd, .events = full ? 0 : POLLIN };

	if (channel_pending(&a->self.channel) > 0)
		fd.events |= POLLOUT;
	ledger_doing(&a->self.ledger, DOING_NOTHING, UINT32_MAX);
	int n = poll(&fd, 1, TURN_MS);
	ledger_heartbeat(&a->self.ledger, ledger_now_ns());
	if (n <= 0)
		return;
	int rc = channel_flush(&a->self.channel);
	if (rc < 0 && rc != -EAGAIN)
		a->stop = true;		/* nobody is there to be answered */
	else if (!full)
		read_message(a);
}

static const char *protect(const struct role_self *self)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return "no core files: cannot be set";
	if (!self->sandbox)
		return "";
	const char *missing = landlock_enter_all();
	return sandbox_enter(SANDBOX_TIMER) < 0 ? "system call filter: the kernel does not take it" : missing;
}

int main(void)
{
	static struct advisor a;

	role_begin(&a.self, ROLE_ADVISOR);
	catalog_init(&a.catalog);
	a.policies = lua_list_new(a.self.ledger.head);
	if (!a.policies)
		fail(&a, "policies", -ENOMEM);
	if (role_introduce(&a.self, protect(&a.self)) < 0 || role_ready(&a.self) < 0)
		a.stop = true;
	while (!a.stop && a.failed == 0)
		turn(&a);
	lua_list_free(a.policies);
	for (int i = 0; i < ACME_LISTS; i++)
		hostset_unref(a.lists[i]);
	catalog_clear(&a.catalog);
	channel_clear(&a.self.channel);
	ledger_clear(&a.self.ledger);
	return a.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
