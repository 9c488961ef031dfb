/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The librarian: makes the catalog from files of certificates that it is
 * handed, and asks for the names of backends. It never sees a private key or a
 * client's byte.
 */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/landlock.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "workers/librarian/confine.h"
#include "workers/librarian/librarian.h"
#include "workers/librarian/set.h"

#define LIBRARIAN_CACHE_FD 4	/* number of what a role is given besides its channel (supervisor/spawn.h) */
#define TURN_MS 1000		/* a heartbeat at least that often */

void librarian_fail(struct librarian *l, const char *what, int rc)
{
	if (l->failed == 0)
		log_error("%s: %s", what, strerror(-rc));
	l->failed = rc;
}

/* A supervisor that is gone is an end, not a failure. */
void librarian_answer_lost(struct librarian *l, int rc)
{
	if (rc == -EPIPE || rc == -ECONNRESET)
		l->stop = true;
	else
		librarian_fail(l, "an answer could not be sent", rc);
}

static void on_resolved(void *data, uint32_t id, const struct msg_resolve_ans *a)
{
	struct librarian *l = data;
	struct msg m = { .type = MSG_RESOLVE_ANS, .id = id, .resolve_ans = *a };
	int rc = msg_send(&l->self.channel, &m, NULL, 0);

	if (rc < 0)
		librarian_answer_lost(l, rc);
}

static void on_set_req(struct librarian *l, uint32_t id, int file)
{
	struct msg m = { .type = MSG_SET_ANS, .id = id };
	char error[512] = "";
	int fd = set_make(file, &m.set_ans.names, error, sizeof error);

	m.set_ans.error = error;
	int rc = msg_send(&l->self.channel, &m, &fd, fd >= 0);
	if (fd >= 0)
		close(fd);
	if (rc < 0)
		librarian_answer_lost(l, rc);
}

/* Workers have the same library; the supervisor has none. */
static void on_priority_req(struct librarian *l, uint32_t id, const char *text)
{
	struct msg m = { .type = MSG_PRIORITY_ANS, .id = id, .priority_ans = { .error = "" } };
	gnutls_priority_t priority;
	const char *at = "";
	char error[256];

	if (gnutls_priority_init(&priority, text, &at) < 0) {
		snprintf(error, sizeof error, "GnuTLS does not understand it from \"%.100s\" on", at);
		m.priority_ans.error = error;
	} else {
		gnutls_priority_deinit(priority);
	}
	int rc = msg_send(&l->self.channel, &m, NULL, 0);
	if (rc < 0)
		librarian_answer_lost(l, rc);
}

static void on_staple_req(struct librarian *l, const struct msg_staple_req *q)
{
	if (q->cert_id.size == CERT_ID_BYTES)
		staples_now(l->staples, q->cert_id.data);
	else if (*q->url)
		staples_now_url(l->staples, q->url);
	else
		staples_now_bad(l->staples, time(NULL));
}

static void on_message(struct librarian *l, const struct msg *m, struct packet *p)
{
	int rc = 0;

	switch (m->type) {
	case MSG_ROUND_BEGIN:
		rc = current_begin(l, m->round_begin.base);
		break;
	case MSG_FILES_GONE:
		rc = round_gone(l->round, m->files_gone.numbers);
		break;
	case MSG_CHAIN_SETTINGS:
		round_settings(l->round, &m->chain_settings);
		break;
	case MSG_CACHE:
		acme_begin(l->acme, l->saved);
		disk_open(l);
		break;
	case MSG_SAVE:
		ledger_doing(&l->self.ledger, DOING_WRITE, UINT32_MAX);
		disk_save(l, &m->save, p);
		break;
	case MSG_STOCK:
		ledger_doing(&l->self.ledger, DOING_LOAD, UINT32_MAX);
		disk_go_on(l, m->stock.generation, p);
		break;
	case MSG_STORE_END:
		current_on_store_end(l);
		break;
	case MSG_FETCH_REQ:
		if (strncmp(m->fetch_req.url, ACME_URL, strlen(ACME_URL)) == 0)
			acme_now(l->acme, m->fetch_req.url + strlen(ACME_URL));
		else
			fetches_now(l->fetches, m->fetch_req.url);
		break;
	case MSG_ACME_SETTINGS:
		rc = acme_settings(l->acme, &m->acme_settings, packet_take_fd(p, 0));
		break;
	case MSG_ACME_NAMES:
		rc = acme_names(l->acme, &m->acme_names, p->nfds ? packet_take_fd(p, 0) : -1);
		break;
	case MSG_ORDER_ANS:
		acme_on_order_ans(l->acme, m->id, &m->order_ans);
		break;
	case MSG_CHALLENGE_ANS:
		acme_on_challenge_ans(l->acme, m->id, &m->challenge_ans);
		break;
	case MSG_CHALLENGES_ANS:
		acme_on_challenges_ans(l->acme, m->challenges_ans.generation);
		break;
	case MSG_WANTED:
		acme_wanted(l->acme, m->wanted.name);
		break;
	case MSG_STAPLE_REQ:
		on_staple_req(l, &m->staple_req);
		break;
	case MSG_CERT_FILE_REQ:
		ledger_doing(&l->self.ledger, DOING_LOAD, UINT32_MAX);
		rc = current_on_file(l, m, p->nfds > 0 ? p->fds[0] : -1);
		break;
	case MSG_KEY_IDS:
		rc = round_key_ids(l->round, m->key_ids.ids);
		break;
	case MSG_OWN_KEY_IDS:
		rc = acme_key_ids(l->acme, &m->own_key_ids);
		break;
	case MSG_CERTS_END:
		ledger_doing(&l->self.ledger, DOING_LOAD, UINT32_MAX);
		current_on_certs_end(l, &m->certs_end);
		break;
	case MSG_DISCARD:
		current_discard(l, m->discard.generation);
		break;
	case MSG_PRIORITY_REQ:
		on_priority_req(l, m->id, m->priority_req.priority);
		break;
	case MSG_SET_REQ:
		ledger_doing(&l->self.ledger, DOING_LOAD, UINT32_MAX);
		on_set_req(l, m->id, p->fds[0]);
		break;
	case MSG_RESOLVE_REQ:
		resolver_ask(&l->resolver, m->id, m->resolve_req.host);
		break;
	case MSG_LOG_LEVEL:
		log_set_level(m->log_level.log_level);
		break;
	default:
		log_error("unexpected message %s", msg_name(m->type));
		rc = -EBADMSG;
	}
	if (rc < 0)
		librarian_fail(l, msg_name(m->type), rc);
}

/*
 * While answers wait nothing new is read: what is asked for is bounded by what
 * is answered. The supervisor's queue shows who is behind.
 */
static bool may_read(const struct librarian *l)
{
	return !l->answering && channel_pending(&l->self.channel) < ANSWERS_WAITING_MAX;
}

static void read_message(struct librarian *l)
{
	static struct packet p;
	struct msg m;
	int rc = role_recv(&l->self, &p, &m);

	if (rc == -EAGAIN)
		return;
	if (rc == -EPIPE || rc == -ECONNRESET) {
		l->stop = true;
		return;
	}
	if (rc < 0) {
		librarian_fail(l, "the channel to the supervisor failed", rc);
		return;
	}
	ledger_doing(&l->self.ledger, DOING_MESSAGE, UINT32_MAX);
	on_message(l, &m, &p);
	packet_close_fds(&p);
}

static void send_answers(struct librarian *l)
{
	int rc = channel_flush(&l->self.channel);

	if (rc < 0 && rc != -EAGAIN) {
		l->stop = true;		/* nobody is there to be answered */
		return;
	}
	if (!l->answering)
		return;
	rc = round_answer(l->round, &l->self.channel, ANSWERS_WAITING_MAX);
	if (rc == 1 && !l->ready)
		rc = role_ready(&l->self) < 0 ? -EPIPE : rc;
	if (rc == 1) {
		l->ready = true;
		l->answering = false;
		current_adopt(l);
	}
	if (rc < 0)
		librarian_answer_lost(l, rc);
}

static void read_signal(struct librarian *l)
{
	struct signalfd_siginfo si;

	while (read(l->signals, &si, sizeof si) == sizeof si)
		if (si.ssi_signo == SIGTERM)
			l->stop = true;
}

static void acme_goes_on(struct librarian *l, uint64_t now)
{
	const struct round *r = l->current ? l->current : l->round;
	int rc = acme_turn(l->acme, r, now);

	if (rc == 0 && !l->answering && l->ready)
		rc = acme_serve(l->acme, r, time(NULL));
	l->staples_left |= rc > 0;
	if (rc < 0)
		librarian_fail(l, "certificates can be ordered no more", rc);
	rc = acme_tell(l->acme, ANSWERS_WAITING_MAX);
	if (rc < 0)
		librarian_answer_lost(l, rc);
}

static void turn(struct librarian *l)
{
	struct pollfd fds[2 + RESOLVE_CHILDREN_MAX + ACME_POLL_FDS] = {
		{ .fd = l->self.channel.fd, .events = may_read(l) ? POLLIN : 0 },
		{ .fd = l->signals, .events = POLLIN },
	};

	if (l->answering || channel_pending(&l->self.channel) > 0)
		fds[0].events |= POLLOUT;
	resolver_poll(&l->resolver, fds + 2);
	acme_poll(l->acme, fds + 2 + RESOLVE_CHILDREN_MAX);
	ledger_doing(&l->self.ledger, DOING_NOTHING, UINT32_MAX);
	int n = fetch_poll(l->fetcher, fds, sizeof fds / sizeof fds[0], TURN_MS);
	uint64_t now = ledger_now_ns();
	ledger_heartbeat(&l->self.ledger, now);
	if (n < 0)
		return;
	read_signal(l);
	if (may_read(l) && fds[0].revents)
		read_message(l);
	else if (fds[0].revents & (POLLERR | POLLHUP))
		l->stop = true;
	ledger_doing(&l->self.ledger, DOING_WRITE, UINT32_MAX);
	send_answers(l);
	resolver_turn(&l->resolver, now);
	current_rebuild(l);
	if (l->staples_left && l->current)
		current_want_staples(l);
	fetches_start(l->fetches);
	staples_start(l->staples, time(NULL));
	acme_goes_on(l, now);
	int rc = fetches_tell(l->fetches, &l->self.channel, ANSWERS_WAITING_MAX);
	if (rc == 0)
		rc = staples_tell(l->staples, &l->self.channel, ANSWERS_WAITING_MAX);
	if (rc < 0)
		librarian_answer_lost(l, rc);
}

/* Signals are read from a descriptor; SIGCHLD only ends the wait. */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return -errno;
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* It comes as a descriptor; a check of the configuration has none. */
static int cache_directory(void)
{
	struct stat st;
	bool is_there = fstat(LIBRARIAN_CACHE_FD, &st) == 0 && S_ISDIR(st.st_mode);

	return is_there && fcntl(LIBRARIAN_CACHE_FD, F_SETFD, FD_CLOEXEC) == 0 ? LIBRARIAN_CACHE_FD : -1;
}

static const char *protect(const struct role_self *self, int cache)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return "no core files: cannot be set";
	if (!self->sandbox)
		return "";
	const char *missing = confine(cache) < 0 ? LANDLOCK_MISSING : "";
	int rc = sandbox_enter(SANDBOX_OPEN | SANDBOX_FORK | SANDBOX_CONNECT | SANDBOX_RESOLVE);
	return rc < 0 ? "system call filter: the kernel does not take it" : missing;
}

/* Before the process is restricted: libraries read their settings. */
static bool begin_fetching(struct librarian *l)
{
	static const struct fetch_limits none = { .timeout_ms = 1000, .size = RECORD_BODY_MAX };

	srandom((unsigned)(ledger_now_ns() ^ (uint64_t)time(NULL)));
	l->fetcher = fetcher_new(&none);
	l->fetches = l->fetcher ? fetches_new(l->fetcher) : NULL;
	l->staples = l->fetches ? staples_new(l->fetcher) : NULL;
	return l->staples != NULL;
}

static void end_fetching(struct librarian *l)
{
	fetcher_free(l->fetcher);
	fetches_free(l->fetches);
	staples_free(l->staples);
	cache_free(l->cache);
}

int main(void)
{
	struct librarian l = { .signals = -1, .saved = cache_directory() };

	role_begin(&l.self, ROLE_LIBRARIAN);
	resolver_init(&l.resolver, on_resolved, &l);
	l.brought = pool_new();
	if (!begin_fetching(&l) || !l.brought) {
		log_error("no memory to begin with");
		return EXIT_FAILURE;
	}
	l.acme = acme_new(&l.self.channel, l.self.sandbox);
	if (!l.acme) {
		log_error("the process that runs uacme cannot be started: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	current_start(&l);
	l.signals = open_signals();
	if (l.signals < 0)
		librarian_fail(&l, "signals cannot be read", l.signals);
	if (role_introduce(&l.self, protect(&l.self, l.saved)) < 0)
		l.stop = true;
	while (!l.stop && l.failed == 0)
		turn(&l);
	resolver_clear(&l.resolver);
	round_free(l.round);
	round_free(l.current);
	round_free(l.before);
	stock_unref(l.found);
	if (l.saved >= 0)
		close(l.saved);
	acme_free(l.acme);
	end_fetching(&l);
	pool_unref(l.brought);
	channel_clear(&l.self.channel);
	ledger_clear(&l.self.ledger);
	return l.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
