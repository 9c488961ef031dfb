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
#include "common/role.h"
#include "common/sandbox.h"
#include "workers/librarian/acme.h"
#include "workers/librarian/confine.h"
#include "workers/librarian/fetches.h"
#include "workers/librarian/resolve.h"
#include "workers/librarian/resume.h"
#include "workers/librarian/round.h"
#include "workers/librarian/saved.h"
#include "workers/librarian/set.h"
#include "workers/librarian/staples.h"

#define LIBRARIAN_CACHE_FD 4	/* number of what a role is given besides its channel (supervisor/spawn.h) */
#define TURN_MS 1000		/* a heartbeat at least that often */
#define ANSWERS_WAITING_MAX 64	/* packets; the channel takes 256 */
#define REBUILD_SHARE 4		/* chains are built anew at most a quarter of the time */

struct librarian {
	struct role_self self;
	struct resolver resolver;
	struct fetcher *fetcher;
	struct cache *cache;		/* NULL: nothing is kept */
	struct fetches *fetches;
	struct pool *brought;	/* authorities that came with certificates */
	struct staples *staples;
	struct acme *acme;
	struct round *round;
	struct round *current, *before;	/* the last that ended, and what a discard of it goes back to; or NULL */
	unsigned began_with, built_with;	/* fetches_came() when round was begun and current was built */
	unsigned began_stapled, stapled_with;	/* staples_came(), the same */
	uint64_t rebuild_after_ns;
	bool store_comes;	/* current's, late: until then nothing of it is built anew */
	bool look_for_missing;	/* it is known what current serves, not what it lacks */
	int saved;		/* directory of the cache, owned; -1: there is none */
	struct stock *found;	/* there, when it began; until a round goes on from it */
	struct saved_seen seen;
	bool staples_left;	/* round_want_staples() has not come to an end */
	bool answering;		/* the round has ended, its answers have not all been sent */
	bool ready;
	int signals;
	bool stop;
	int failed;		/* negative errno: it cannot go on */
};

static void fail(struct librarian *l, const char *what, int rc)
{
	if (l->failed == 0)
		log_error("%s: %s", what, strerror(-rc));
	l->failed = rc;
}

/* A supervisor that is gone is an end, not a failure. */
static void answer_lost(struct librarian *l, int rc)
{
	if (rc == -EPIPE || rc == -ECONNRESET)
		l->stop = true;
	else
		fail(l, "an answer could not be sent", rc);
}

static void on_resolved(void *data, uint32_t id, const struct msg_resolve_ans *a)
{
	struct librarian *l = data;
	struct msg m = { .type = MSG_RESOLVE_ANS, .id = id, .resolve_ans = *a };
	int rc = msg_send(&l->self.channel, &m, NULL, 0);

	if (rc < 0)
		answer_lost(l, rc);
}

static void start_round(struct librarian *l)
{
	round_free(l->round);
	l->round = round_new(fetches_pool(l->fetches), l->brought, l->staples);
	l->answering = false;
	l->began_with = fetches_came(l->fetches);
	l->began_stapled = staples_came(l->staples);
	if (!l->round)
		fail(l, "no round of certificates", -ENOMEM);
}

/* Those of current, and of what was ordered. */
static void want_staples(struct librarian *l)
{
	round_begin_staples(l->current);
	l->staples_left = !round_want_staples(l->current, time(NULL));
	acme_want_staples(l->acme, l->staples);
	staples_want_end(l->staples);
}

/* What current lacks is wanted. */
static void want_missing(struct librarian *l)
{
	if (l->store_comes)
		return;
	fetcher_limits(l->fetcher, round_limits(l->current));
	fetches_want(l->fetches, round_missing(l->current), round_fetches(l->current));
	want_staples(l);
}

/* The round that has been answered is current, until it is discarded or the next one is. */
static void adopt_round(struct librarian *l)
{
	round_free(l->before);
	stock_unref(l->found);
	l->found = NULL;
	l->before = l->current;
	l->current = l->round;
	l->round = NULL;
	l->built_with = l->began_with;	/* a link or a staple may have come while its files were read */
	l->stapled_with = l->began_stapled;
	want_missing(l);
	acme_review(l->acme);
	start_round(l);
}

/* The supervisor goes on with the catalog of the round before. */
static void on_discard(struct librarian *l, uint32_t generation)
{
	if (l->current && l->before && round_generation(l->current) == generation) {
		round_free(l->current);
		l->current = l->before;
		l->before = NULL;
		l->built_with = fetches_came(l->fetches) - 1;
		l->stapled_with = staples_came(l->staples) - 1;
		want_missing(l);
	}
	start_round(l);
}

/* A link or a staple has come: what was built without it is built anew, and the catalog sent. */
static void rebuild(struct librarian *l)
{
	uint64_t begun = ledger_now_ns();
	bool links = l->current && round_fetches(l->current) && l->built_with != fetches_came(l->fetches);
	bool staples = l->current && l->stapled_with != staples_came(l->staples);

	if ((!links && !staples) || l->store_comes || l->answering ||
	    begun < l->rebuild_after_ns || channel_pending(&l->self.channel) >= ANSWERS_WAITING_MAX)
		return;
	ledger_doing(&l->self.ledger, DOING_LOAD, UINT32_MAX);
	enum rebuild what = !links ? REBUILD_STAPLES : l->look_for_missing ? REBUILD_FETCHABLE : REBUILD_LINKS;
	int rc = round_rebuild(l->current, what, &l->self.channel, time(NULL));
	l->look_for_missing &= !links;
	l->built_with = fetches_came(l->fetches);
	l->stapled_with = staples_came(l->staples);
	acme_review(l->acme);
	if (rc < 0)
		fail(l, "the catalog cannot be made anew", rc);
	want_missing(l);
	uint64_t now = ledger_now_ns();
	l->rebuild_after_ns = now + REBUILD_SHARE * (now - begun);
}

static void say_found(struct librarian *l, const struct saved *s)
{
	struct msg m = { .type = MSG_SAVED, .saved = { .conf = s->conf } };
	int rc = msg_send(&l->self.channel, &m, s->fds, s->n > 0);

	if (rc < 0)
		answer_lost(l, rc);
}

/* Of no use is no loss: all is read as if it were not there. */
static void look_for_saved(struct librarian *l)
{
	struct saved s = { .n = 0 };
	struct log_line line;
	const char *why = "";

	int rc = l->saved < 0 ? 0 : saved_read(l->saved, &s, &why);
	if (rc == 0 && s.n > 0) {
		l->found = resume_stock(s.fds + 1, s.n - 1, l->brought);
		why = "its segments are bad, or of another version";
		rc = l->found ? 0 : -errno;
	}
	if (rc < 0) {
		log_begin(&line, LOG_LEVEL_WARNING, "the catalog in the cache directory is not used");
		log_str(&line, "why", why);
		log_end(&line);
	}
	if (!l->found)
		saved_close(&s);
	say_found(l, &s);
	saved_close(&s);
}

static void on_save(struct librarian *l, const struct msg_save *m, struct packet *p)
{
	struct saved s = { .conf = m->conf, .names = m->names, .certificates = m->certificates };
	struct log_line line;

	for (int i = 0; i < p->nfds; i++)
		s.fds[s.n++] = p->fds[i];
	int rc = l->saved < 0 ? 0 : saved_write(l->saved, &s, &l->seen);
	if (rc == 0)
		return;
	log_begin(&line, LOG_LEVEL_WARNING, "the catalog cannot be written to the cache directory: the next start makes it anew");
	log_str(&line, "why", strerror(-rc));
	log_end(&line);
}

/* It goes on from what is in force: ready, without having made anything. */
static void on_stock(struct librarian *l, uint32_t generation, const struct packet *p)
{
	struct stock *s = p->nfds > 0 ? resume_stock(p->fds, p->nfds, l->brought) : l->found ? stock_ref(l->found) : NULL;

	stock_unref(l->found);
	l->found = NULL;
	if (!s) {
		fail(l, "the catalog in force cannot be understood", p->nfds > 0 ? -errno : -EBADMSG);
		return;
	}
	round_resume(l->round, s, generation);
	round_free(l->before);
	round_free(l->current);
	l->before = NULL;
	l->current = l->round;
	l->round = NULL;
	l->store_comes = true;
	acme_review(l->acme);
	start_round(l);
	ledger_set(&l->self.ledger.head->gauges[GAUGE_CATALOG_GENERATION], generation);
	if (!l->ready && role_ready(&l->self) < 0)
		l->stop = true;
	l->ready = true;
}

static int on_late_store(struct librarian *l, int fd)
{
	return l->current ? round_store_file(l->current, fd) : 0;
}

static int on_cert_file(struct librarian *l, const struct msg *m, int fd)
{
	const struct msg_cert_file_req *q = &m->cert_file_req;

	if (fd < 0 && (q->store || q->text.size == 0))
		return -EBADMSG;
	return q->store == STORE_LATE ? on_late_store(l, fd) : round_file(l->round, m->id, fd, q, time(NULL));
}

/* What is not whole is looked at again, with all sources. */
static void on_store_end(struct librarian *l)
{
	l->store_comes = false;
	l->look_for_missing = true;
	acme_review(l->acme);
	l->built_with = fetches_came(l->fetches) - 1;
	l->stapled_with = staples_came(l->staples) - 1;
	if (l->current && !round_fetches(l->current))
		want_missing(l);
}

static void on_certs_end(struct librarian *l, const struct msg_certs_end *m)
{
	int rc = round_end(l->round, l->current, m->generation, time(NULL));

	if (rc < 0) {
		fail(l, "the catalog cannot be made", rc);
		return;
	}
	ledger_set(&l->self.ledger.head->gauges[GAUGE_CATALOG_GENERATION], m->generation);
	l->answering = true;
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
		answer_lost(l, rc);
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
		answer_lost(l, rc);
}

static int on_round_begin(struct librarian *l, uint32_t base)
{
	if (l->current && round_generation(l->current) == base) {
		round_go_on(l->round, l->current);
		return 0;
	}
	log_error("the certificates of generation %u are not known here", base);
	return -EBADMSG;
}

static void on_record(void *data, const struct record *r)
{
	struct librarian *l = data;

	ledger_heartbeat(&l->self.ledger, ledger_now_ns());	/* there may be many, on a slow disk */
	fetches_on_record(l->fetches, r);
	staples_on_record(l->staples, r);
}

static void on_cache(struct librarian *l)
{
	int dir = l->saved < 0 || l->cache ? -1 : fcntl(l->saved, F_DUPFD_CLOEXEC, 0);

	if (dir >= 0)
		l->cache = cache_new(dir);
	int rc = l->cache ? cache_load(l->cache, on_record, l) : l->saved < 0 ? 0 : -ENOMEM;
	if (rc < 0)
		log_warning("the cache cannot be read: %s", strerror(-rc));
	fetches_begin(l->fetches, l->cache);
	staples_begin(l->staples, l->cache);
	look_for_saved(l);
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
		rc = on_round_begin(l, m->round_begin.base);
		break;
	case MSG_FILES_GONE:
		rc = round_gone(l->round, m->files_gone.numbers);
		break;
	case MSG_CHAIN_SETTINGS:
		round_settings(l->round, &m->chain_settings);
		break;
	case MSG_CACHE:
		acme_begin(l->acme, l->saved);
		on_cache(l);
		break;
	case MSG_SAVE:
		ledger_doing(&l->self.ledger, DOING_WRITE, UINT32_MAX);
		on_save(l, &m->save, p);
		break;
	case MSG_STOCK:
		ledger_doing(&l->self.ledger, DOING_LOAD, UINT32_MAX);
		on_stock(l, m->stock.generation, p);
		break;
	case MSG_STORE_END:
		on_store_end(l);
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
		rc = on_cert_file(l, m, p->nfds > 0 ? p->fds[0] : -1);
		break;
	case MSG_KEY_IDS:
		rc = round_key_ids(l->round, m->key_ids.ids);
		break;
	case MSG_OWN_KEY_IDS:
		rc = acme_key_ids(l->acme, &m->own_key_ids);
		break;
	case MSG_CERTS_END:
		ledger_doing(&l->self.ledger, DOING_LOAD, UINT32_MAX);
		on_certs_end(l, &m->certs_end);
		break;
	case MSG_DISCARD:
		on_discard(l, m->discard.generation);
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
		fail(l, msg_name(m->type), rc);
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
		fail(l, "the channel to the supervisor failed", rc);
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
		adopt_round(l);
	}
	if (rc < 0)
		answer_lost(l, rc);
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
		fail(l, "certificates can be ordered no more", rc);
	rc = acme_tell(l->acme, ANSWERS_WAITING_MAX);
	if (rc < 0)
		answer_lost(l, rc);
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
	rebuild(l);
	if (l->staples_left && l->current)
		want_staples(l);
	fetches_start(l->fetches);
	staples_start(l->staples, time(NULL));
	acme_goes_on(l, now);
	int rc = fetches_tell(l->fetches, &l->self.channel, ANSWERS_WAITING_MAX);
	if (rc == 0)
		rc = staples_tell(l->staples, &l->self.channel, ANSWERS_WAITING_MAX);
	if (rc < 0)
		answer_lost(l, rc);
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
	start_round(&l);
	l.signals = open_signals();
	if (l.signals < 0)
		fail(&l, "signals cannot be read", l.signals);
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
