/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Program tlsward-witness: one task about incidents, one answer, then it ends.
 * All that may block is here: files, /proc of a sick process, attaching to it.
 * Whoever asks has a deadline, and kills it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memfd.h"
#include "common/role.h"
#include "common/sandbox.h"
#include "workers/witness/collect.h"
#include "workers/witness/missing.h"
#include "workers/witness/proc.h"
#include "workers/witness/report.h"
#include "workers/witness/store.h"

#define TASK_MS 10000
#define HEAD_MAX (4u << 20)

struct task {
	struct role_self self;
	struct packet packet;
	struct msg m;
	char error[256], missing[MSG_TEXT_MAX + 1];
	int answer_fd;			/* -1: none */
	uint32_t bytes;
};

static void protect(struct task *t)
{
	char missing[128] = "";

	if (t->self.sandbox) {
		int rc = sandbox_enter(SANDBOX_OPEN | SANDBOX_FORK | SANDBOX_TRACE);
		if (rc < 0)
			snprintf(missing, sizeof missing, "seccomp: %s", strerror(-rc));
	}
	role_introduce(&t->self, missing);
}

static bool failed(struct task *t, const char *what, int err)
{
	snprintf(t->error, sizeof t->error, "%s: %s", what, strerror(err));
	return false;
}

/* It becomes a file's name. */
static bool id_is_plain(const char *id)
{
	return strspn(id, "0123456789abcdefghijklmnopqrstuvwxyz-") == strlen(id) && strlen(id) <= 64;
}

static int last_fd(const struct task *t) { return t->packet.fds[t->packet.nfds - 1]; }

/* The JSON in a sealed memfd; NULL if it is none. */
static json_t *load(int fd)
{
	size_t size;
	const void *text = memfd_map_sealed(fd, HEAD_MAX, &size);
	json_t *v = text ? json_loadb(text, size, 0, NULL) : NULL;

	if (text)
		munmap((void *)(uintptr_t)text, size);
	return v;
}

static void give(struct task *t, const char *text, size_t size)
{
	int fd = memfd_new("report", size);

	if (fd >= 0 && memfd_write(fd, 0, text, size) == 0 && memfd_seal_all(fd) == 0)
		t->answer_fd = fd;
	else if (fd >= 0)
		close(fd);
}

static void give_json(struct task *t, const json_t *v)
{
	char *text = json_dumps(v, JSON_COMPACT);

	if (text)
		give(t, text, strlen(text));
	free(text);
}

/* The process and its ledger, if that can be had. */
static bool find_suspect(struct task *t, int ledger_fd, struct ledger *l, struct suspect *s)
{
	const struct msg_witness_req *q = &t->m.witness_req;

	*s = (struct suspect){ .pid = (pid_t)q->pid, .start = q->start, .ledger = l };
	int rc = ledger_open(l, ledger_fd, q->conns_n, q->ended_n);
	if (rc < 0)
		return failed(t, "the ledger", -rc);
	return true;
}

static void look(struct task *t, json_t *report, int ledger_fd)
{
	const struct msg_witness_req *q = &t->m.witness_req;
	struct suspect s;
	struct ledger l;

	if (*q->missing)
		missing_add(report, "", q->missing);
	if (q->parts == 0)
		return;
	if (!find_suspect(t, ledger_fd, &l, &s)) {
		missing_add(report, "descriptors, profile", t->error);
		t->error[0] = '\0';
	} else if (!proc_state(s.pid, s.start)) {
		missing_add(report, "descriptors, profile", "the process had gone before the witness came");
	} else {
		collect(report, &s, q->parts, q->deadline_ms);
	}
	ledger_clear(&l);
}

static void save(struct task *t, int dir, const char *text)
{
	size_t size = strlen(text);
	int rc = store_write(dir, t->m.witness_req.id, text, size);

	/* A full disk may have room once the oldest are gone. */
	if (rc == -ENOSPC || rc == -EDQUOT) {
		store_prune(dir, STORE_FILES_MAX / 2, STORE_BYTES_MAX / 2);
		rc = store_write(dir, t->m.witness_req.id, text, size);
	}
	if (rc < 0)
		failed(t, "the report cannot be written", -rc);
	else
		t->bytes = (uint32_t)size;
	store_prune(dir, STORE_FILES_MAX, STORE_BYTES_MAX);
}

static void do_report(struct task *t)
{
	json_t *report = load(t->packet.fds[0]);
	char *text = NULL;

	if (json_is_object(report)) {
		look(t, report, t->packet.nfds > 1 ? t->packet.fds[1] : -1);
		missing_line(report, t->missing, sizeof t->missing);
		text = report_text(report, STORE_FILE_BYTES);
	}
	if (!text) {
		failed(t, "the report", ENOMEM);
	} else {
		give(t, text, strlen(text));
		if (t->packet.nfds == 3)
			save(t, t->packet.fds[2], text);
		else
			failed(t, "the directory of reports", ENOENT);
	}
	free(text);
	json_decref(report);
}

static void do_steps(struct task *t)
{
	size_t size;
	json_t *steps = load(t->packet.fds[0]), *report = store_read(last_fd(t), t->m.witness_req.id, &size);

	if (!report) {
		failed(t, "the report cannot be read again", errno);
	} else {
		json_object_set(report, "steps", steps);
		char *text = report_text(report, STORE_FILE_BYTES);
		if (text)
			save(t, last_fd(t), text);
		free(text);
	}
	json_decref(steps);
	json_decref(report);
}

static void do_list(struct task *t)
{
	store_prune(last_fd(t), STORE_FILES_MAX, STORE_BYTES_MAX);
	json_t *list = store_list(last_fd(t));

	give_json(t, list);
	json_decref(list);
}

static void do_read(struct task *t)
{
	size_t size = 0;
	json_t *report = store_read(last_fd(t), t->m.witness_req.id, &size);

	if (report)
		give_json(t, report);
	else
		failed(t, "the report cannot be read", errno);
	json_decref(report);
}

static void do_descriptors(struct task *t)
{
	json_t *o = json_object();

	look(t, o, t->packet.fds[0]);
	missing_line(o, t->missing, sizeof t->missing);
	give_json(t, o);
	json_decref(o);
}

static void (*const tasks[WITNESS_TASK_COUNT])(struct task *t) = {
	[WITNESS_REPORT] = do_report, [WITNESS_STEPS] = do_steps, [WITNESS_LIST] = do_list,
	[WITNESS_READ] = do_read, [WITNESS_DESCRIPTORS] = do_descriptors,
};

static int receive(struct task *t)
{
	struct pollfd p = { .fd = t->self.channel.fd, .events = POLLIN };
	int rc;

	while ((rc = role_recv(&t->self, &t->packet, &t->m)) == -EAGAIN)
		if (poll(&p, 1, TASK_MS) == 0)
			return -ETIMEDOUT;
	return rc;
}

static int answer(struct task *t)
{
	struct pollfd p = { .fd = t->self.channel.fd, .events = POLLOUT };
	struct msg m = { .type = MSG_WITNESS_ANS, .id = t->m.id,
		.witness_ans = { .error = t->error, .missing = t->missing, .bytes = t->bytes } };
	int rc = msg_send(&t->self.channel, &m, &t->answer_fd, t->answer_fd >= 0);

	while (rc == 0 && channel_pending(&t->self.channel) > 0 && poll(&p, 1, TASK_MS) > 0)
		channel_flush(&t->self.channel);
	return rc;
}

int main(void)
{
	static struct task t = { .answer_fd = -1 };

	role_begin(&t.self, ROLE_WITNESS);
	signal(SIGPIPE, SIG_IGN);
	protect(&t);
	role_ready(&t.self);
	do {
		if (receive(&t) < 0)
			return EXIT_FAILURE;
	} while (t.m.type != MSG_WITNESS_REQ);
	if (t.m.witness_req.task < WITNESS_TASK_COUNT && t.packet.nfds > 0 && id_is_plain(t.m.witness_req.id))
		tasks[t.m.witness_req.task](&t);
	else
		failed(&t, "the task", EINVAL);
	return answer(&t) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
