/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tlsward-keeper: holds the private keys. It reads key files from descriptors
 * that the supervisor sends, tells which keys it has, and forks for each
 * worker a server that signs. Never meets the network or a peer's byte itself.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/landlock.h"
#include "common/log.h"
#include "common/role.h"
#include "common/sandbox.h"
#include "workers/keeper/acme.h"
#include "workers/keeper/heap.h"
#include "workers/keeper/keyfile.h"
#include "workers/keeper/keystore.h"
#include "workers/keeper/signer.h"

#define HEARTBEAT_MS 1000
#define IDS_IN_A_MESSAGE 256
#define ANSWERS_WAITING_MAX 64	/* then requests are left lying until the supervisor reads */

struct keeper {
	struct role_self self;
	struct sign_lib *lib;
	struct keyfile_reader reader;
	struct keystore *store;		/* in force; NULL before the first keys_end */
	struct keystore *added;		/* signs beside it until it is committed or discarded; or NULL */
	struct keystore *next;		/* being filled, or NULL */
	uint32_t generation, added_generation;	/* of store and added */
	bool goes_on;			/* the round keeps the keys in force, but for those of files that are gone */
	struct numbers gone;
	struct acme acme;
	struct signers signers;
	int signal_fd;
	bool telling;			/* key ids are being told: nothing else is begun */
	uint32_t telling_id;
	size_t told;
	const char *no_landlock;	/* "": it holds */
	bool over;
	int code;			/* exit code */
	struct packet packet;
};

static void end(struct keeper *k, int code)
{
	k->over = true;
	k->code = code;
}

/* The supervisor's end or its refusal to read: nothing is left to do here. */
static void tell(struct keeper *k, const struct msg *m, const int *fds, int nfds)
{
	int rc = msg_send(&k->self.channel, m, fds, nfds);

	if (rc < 0)
		end(k, rc != -EPIPE && rc != -ECONNRESET);
}

static int keystore_begin(struct keeper *k)
{
	if (!k->next)
		k->next = keystore_new();
	return k->next ? 0 : -errno;
}

static void on_key_file(struct keeper *k, const struct msg *m)
{
	struct msg a = { .type = MSG_KEY_FILE_ANS, .id = m->id };
	struct keyfile f;
	int fd = packet_take_fd(&k->packet, 0);

	keyfile_init(&f, 0);
	ledger_doing(&k->self.ledger, DOING_LOAD, UINT32_MAX);
	if (keystore_begin(k) < 0)
		strcpy(f.error, "cannot be kept in memory");
	else
		keyfile_read(&k->reader, fd, m->key_file_req.file, m->key_file_req.mixed ? KEYFILE_MIXED : KEYFILE_KEY, k->next, &f);
	close(fd);
	heap_lock();
	log_debug("%s: %u keys, %u certificates%s%s", m->key_file_req.path, f.keys, f.certificates,
		*f.error ? ", " : "", f.error);
	a.key_file_ans.keys = (uint16_t)f.keys;
	a.key_file_ans.certificates = (uint16_t)f.certificates;
	a.key_file_ans.text = (struct bytes){ f.text, f.text_size };
	a.key_file_ans.error = f.error;
	tell(k, &a, &f.certificates_fd, f.certificates_fd >= 0);
	keyfile_clear(&f);
}

static void on_key_files(struct keeper *k, const struct msg *m)
{
	struct msg a = { .type = MSG_KEY_FILES_ANS, .id = m->id };
	struct numbers numbers = { .n = 0 };
	struct keyfile f;

	keyfile_init(&f, 0);
	ledger_doing(&k->self.ledger, DOING_LOAD, UINT32_MAX);
	if (keystore_begin(k) < 0 || numbers_add_bytes(&numbers, m->key_files_req.numbers) < 0)
		strcpy(f.error, "cannot be kept in memory");
	for (size_t i = 0; i < numbers.n && i < (size_t)k->packet.nfds && !*f.error; i++) {
		a.key_files_ans.file = numbers.list[i];
		keyfile_read(&k->reader, k->packet.fds[i], numbers.list[i], KEYFILE_KEYS, k->next, &f);
		a.key_files_ans.keys += f.keys;
	}
	heap_lock();
	numbers_clear(&numbers);
	a.key_files_ans.error = f.error;
	tell(k, &a, NULL, 0);
}

static struct keystore *newest(const struct keeper *k)
{
	return k->added ? k->added : k->store;
}

/* Without keys of before there is nothing that these could spoil. */
static void use_next(struct keeper *k)
{
	struct keystore **place = k->store ? &k->added : &k->store;

	keystore_free(*place);
	*place = k->next;
	k->next = NULL;
	if (k->added)
		signers_add(&k->signers, k->added);
	log_info("%zu keys can sign", keystore_count(*place));
}

static void forget_round(struct keeper *k)
{
	k->goes_on = false;
	numbers_clear(&k->gone);
}

static void on_round_begin(struct keeper *k, const struct msg *m)
{
	forget_round(k);
	k->goes_on = true;
	if (k->store && k->generation == m->round_begin.base)
		return;
	log_error("the keys of generation %u are not in force here", m->round_begin.base);
	end(k, 1);
}

static void on_files_gone(struct keeper *k, const struct msg *m)
{
	if (numbers_add_bytes(&k->gone, m->files_gone.numbers) < 0)
		end(k, 1);
}

static int keep_what_stays(struct keeper *k)
{
	if (!k->goes_on)
		return 0;
	numbers_sort(&k->gone);
	return keystore_add_all(k->next, k->store, &k->gone);
}

static void on_keys_end(struct keeper *k, const struct msg *m)
{
	int rc = keystore_begin(k);

	ledger_doing(&k->self.ledger, DOING_LOAD, UINT32_MAX);
	if (rc == 0)
		rc = keep_what_stays(k);
	if (rc == 0)
		rc = keystore_finish(k->next);
	forget_round(k);
	if (rc < 0) {
		log_error("keys cannot be kept in memory: %s", strerror(-rc));
		end(k, 1);
		return;
	}
	if (!keystore_is_locked(k->next))
		log_notice("the keys' memory cannot be locked (RLIMIT_MEMLOCK): they may be swapped out");
	use_next(k);
	*(k->added ? &k->added_generation : &k->generation) = m->keys_end.generation;
	k->telling = true;
	k->telling_id = m->id;
	k->told = 0;
}

/* One message at a time: a supervisor that reads slowly gets them slowly. */
static void go_on_telling(struct keeper *k)
{
	uint8_t ids[IDS_IN_A_MESSAGE * KEY_ID_BYTES];
	struct msg m = { .type = MSG_KEY_IDS, .id = k->telling_id };

	while (k->telling && !k->over && channel_pending(&k->self.channel) == 0) {
		size_t n = keystore_ids(newest(k), k->told, IDS_IN_A_MESSAGE, ids);
		if (n == 0) {
			k->telling = false;
			if (role_ready(&k->self) < 0)
				end(k, 0);
			return;
		}
		k->told += n;
		m.key_ids.ids = (struct bytes){ ids, n * KEY_ID_BYTES };
		tell(k, &m, NULL, 0);
	}
}

static void on_keys_commit(struct keeper *k, const struct msg *m)
{
	if (!k->added)
		return;
	keystore_free(k->store);
	k->store = k->added;
	k->added = NULL;
	k->generation = k->added_generation;
	signers_commit(&k->signers);
	log_info("the keys of generation %u are in force, %zu of them", m->keys_commit.generation, keystore_count(k->store));
}

static void on_discard(struct keeper *k)
{
	forget_round(k);
	keystore_free(k->next);
	k->next = NULL;
	if (!k->added)
		return;
	keystore_free(k->added);
	k->added = NULL;
	signers_discard(&k->signers);
}

static void on_signer(struct keeper *k, const struct msg *m)
{
	struct msg a = { .type = MSG_SIGNER_ANS, .id = m->id };
	struct signer_start start = { .worker = m->signer_req.worker, .cpu = m->signer_req.cpu,
		.fd = packet_take_fd(&k->packet, 0), .sandbox = k->self.sandbox,
		.store = k->store, .lib = k->lib,
		.signatures = &k->self.ledger.head->counters[COUNT_SIGNATURES] };
	pid_t pid = k->store ? signers_start(&k->signers, &start) : -ENOKEY;

	close(start.fd);
	if (pid > 0 && k->added)
		signers_add(&k->signers, k->added);
	if (pid > 0 && k->acme.made)
		signers_made(&k->signers, k->acme.made);
	a.signer_ans.worker = start.worker;
	a.signer_ans.pid = pid > 0 ? (uint32_t)pid : 0;
	a.signer_ans.error = pid > 0 ? "" : k->store ? strerror(-pid) : "no keys have been loaded yet";
	tell(k, &a, NULL, 0);
}

/* Servers have the key before anybody can know of a certificate for it. */
static void on_csr(struct keeper *k, const struct msg *m)
{
	struct msg a = { .type = MSG_CSR_ANS, .id = m->id };
	int fd = packet_take_fd(&k->packet, 0);

	ledger_doing(&k->self.ledger, DOING_LOAD, UINT32_MAX);
	if (acme_request(&k->acme, fd, m->csr_req.name, &a.csr_ans))
		signers_made(&k->signers, k->acme.made);
	close(fd);
	heap_lock();
	tell(k, &a, NULL, 0);
}

static void on_own_key(struct keeper *k, const struct msg *m)
{
	struct msg a = { .type = MSG_OWN_KEY_ANS, .id = m->id,
		.own_key_ans = { .last = m->own_key.last, .path = m->own_key.path, .error = "" } };

	ledger_doing(&k->self.ledger, DOING_LOAD, UINT32_MAX);
	if (k->packet.nfds)
		acme_load(&k->acme, k->packet.fds[0], &a.own_key_ans);
	if (m->own_key.last && acme_load_end(&k->acme))
		signers_made(&k->signers, k->acme.made);
	heap_lock();
	tell(k, &a, NULL, 0);
}

static void on_challenge(struct keeper *k, const struct msg *m)
{
	struct msg a = { .type = MSG_CHALLENGE_ANS, .id = m->id };

	if (acme_challenge(&k->acme, &m->challenge_req, &a.challenge_ans))
		signers_made(&k->signers, k->acme.made);
	heap_lock();
	tell(k, &a, NULL, 0);
}

static void on_message(struct keeper *k)
{
	struct msg m;
	int rc = role_recv(&k->self, &k->packet, &m);

	if (rc == -EAGAIN)
		return;
	if (rc < 0) {
		end(k, rc == -EBADMSG);
		return;
	}
	ledger_doing(&k->self.ledger, DOING_MESSAGE, UINT32_MAX);
	switch (m.type) {
	case MSG_KEY_FILE_REQ: on_key_file(k, &m); break;
	case MSG_KEY_FILES_REQ: on_key_files(k, &m); break;
	case MSG_ROUND_BEGIN: on_round_begin(k, &m); break;
	case MSG_FILES_GONE: on_files_gone(k, &m); break;
	case MSG_KEYS_END: on_keys_end(k, &m); break;
	case MSG_KEYS_COMMIT: on_keys_commit(k, &m); break;
	case MSG_DISCARD: on_discard(k); break;
	case MSG_SIGNER_REQ: on_signer(k, &m); break;
	case MSG_OWN_KEY: on_own_key(k, &m); break;
	case MSG_CSR_REQ: on_csr(k, &m); break;
	case MSG_CHALLENGE_REQ: on_challenge(k, &m); break;
	case MSG_LOG_LEVEL:
		log_set_level(m.log_level.log_level);
		signers_log_level(&k->signers, m.log_level.log_level);
		break;
	default: log_warning("message %s is not for the keeper now", msg_name(m.type)); break;
	}
	packet_close_fds(&k->packet);
}

static void on_signal(struct keeper *k)
{
	struct signalfd_siginfo info;

	if (read(k->signal_fd, &info, sizeof info) != sizeof info)
		return;
	if (info.ssi_signo == SIGTERM)
		end(k, 0);
	else
		signers_reap(&k->signers);
}

static short wanted_events(const struct keeper *k)
{
	int waiting = channel_pending(&k->self.channel);
	bool read_more = !k->telling && waiting < ANSWERS_WAITING_MAX;

	return (short)((read_more ? POLLIN : 0) | (waiting > 0 ? POLLOUT : 0));
}

static void turn(struct keeper *k)
{
	struct pollfd fds[2] = {
		{ .fd = k->self.channel.fd, .events = wanted_events(k) },
		{ .fd = k->signal_fd, .events = POLLIN },
	};

	ledger_doing(&k->self.ledger, DOING_NOTHING, UINT32_MAX);
	int n = poll(fds, 2, HEARTBEAT_MS);
	ledger_heartbeat(&k->self.ledger, ledger_now_ns());
	ledger_set(&k->self.ledger.head->counters[COUNT_LOG_DROPPED], log_dropped());
	if (n <= 0)
		return;
	if (fds[1].revents)
		on_signal(k);
	if (!k->over && fds[0].revents & (POLLOUT | POLLHUP | POLLERR)) {
		int rc = channel_flush(&k->self.channel);
		if (rc < 0 && rc != -EAGAIN)
			end(k, 0);
	}
	if (!k->over && fds[0].revents & ~POLLOUT)
		on_message(k);
	go_on_telling(k);
}

/* Ctrl-C and a hang-up reach the supervisor, whose end we see on the channel. */
static int take_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void __attribute__((noreturn)) give_up(const char *what)
{
	log_error("%s: %s", what, strerror(errno));
	exit(1);
}

/* Nothing below the keeper may be read by others, and no core may be left. */
static void harden(struct keeper *k)
{
	const struct rlimit no_core = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &no_core) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		give_up("the keeper cannot be protected");
	k->no_landlock = "";
	if (!k->self.sandbox)
		return;
	k->no_landlock = landlock_enter_all();
	int rc = sandbox_enter(SANDBOX_FORK | SANDBOX_AFFINITY | SANDBOX_LOCK);
	if (rc < 0) {
		errno = -rc;
		give_up("the seccomp filter cannot be set");
	}
}

static void keeper_init(struct keeper *k)
{
	k->signal_fd = take_signals();
	if (k->signal_fd < 0)
		give_up("signals cannot be taken");
	heap_begin();
	k->lib = sign_lib_new();
	if (!k->lib)
		give_up("the crypto library cannot be used");
	harden(k);
	acme_init(&k->acme, k->lib);
	int rc = keyfile_reader_init(&k->reader, k->lib);
	if (rc < 0) {
		errno = -rc;
		give_up("memory for key files");
	}
}

static void keeper_clear(struct keeper *k)
{
	signers_clear(&k->signers);
	forget_round(k);
	keystore_free(k->next);
	keystore_free(k->added);
	keystore_free(k->store);
	acme_clear(&k->acme);
	keyfile_reader_clear(&k->reader);
	sign_lib_free(k->lib);
	close(k->signal_fd);
	channel_clear(&k->self.channel);
	ledger_clear(&k->self.ledger);
}

static const char *missing(const struct keeper *k)
{
	if (!k->self.sandbox)
		return "seccomp filter";
	return k->reader.locked && heap_lock() ? k->no_landlock : "locked memory for keys";
}

int main(void)
{
	struct keeper k = { 0 };

	role_begin(&k.self, ROLE_KEEPER);
	keeper_init(&k);
	if (role_introduce(&k.self, missing(&k)) < 0)
		end(&k, 1);
	while (!k.over)
		turn(&k);
	keeper_clear(&k);
	return k.code;
}
