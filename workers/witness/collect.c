/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/witness/collect.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/msg.h"
#include "workers/witness/fds.h"
#include "workers/witness/missing.h"
#include "workers/witness/proc.h"
#include "workers/witness/profile.h"

#define PART_BYTES (1 << 20)	/* of JSON from one of them */
#define PARTS 3
#define PROC_SHARE 5		/* of the time, for what /proc says */

static json_t *view_fds(const struct suspect *s) { return fds_view(s->pid, s->ledger); }
static json_t *view_profile(const struct suspect *s) { return profile_view(s->pid, s->start); }
static json_t *view_proc(const struct suspect *s) { return proc_view(s->pid); }

static const struct part { enum witness_part bit; const char *name; json_t *(*view)(const struct suspect *s); } parts_of[PARTS] = {
	{ WITNESS_FDS, "descriptors", view_fds },
	{ WITNESS_PROFILE, "profile", view_profile },
	{ WITNESS_PROC, "process", view_proc },
};

struct running {
	const struct part *part;
	pid_t pid;			/* 0: none */
	int fd;				/* -1: its answer is complete, or given up */
	char *text;
	size_t size;
	const char *failed;
};

static void __attribute__((noreturn)) be_collector(const struct part *p, const struct suspect *s, int fd)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	json_t *v = p->view(s);
	char *text = v ? json_dumps(v, JSON_COMPACT) : NULL;
	size_t left = text ? strlen(text) : 0;

	for (const char *at = text; left > 0; ) {
		ssize_t n = write(fd, at, left);
		if (n <= 0)
			_exit(1);
		at += n;
		left -= (size_t)n;
	}
	_exit(text ? 0 : 1);
}

static void start(struct running *r, const struct part *p, const struct suspect *s)
{
	int fds[2];

	*r = (struct running){ .part = p, .fd = -1, .failed = "the witness has no memory or no process for it" };
	r->text = malloc(PART_BYTES);
	if (!r->text || pipe2(fds, O_CLOEXEC) < 0)
		return;
	r->pid = fork();
	if (r->pid == 0)
		be_collector(p, s, fds[1]);
	close(fds[1]);
	if (r->pid < 0) {
		r->pid = 0;
		close(fds[0]);
		return;
	}
	r->fd = fds[0];
	r->failed = NULL;
}

static void finish(struct running *r, const char *failed)
{
	close(r->fd);
	r->fd = -1;
	r->failed = failed;
	/* Not waited for: one that hangs in the kernel dies when that lets go of it. */
	if (failed)
		kill(r->pid, SIGKILL);
}

static void take(struct running *r)
{
	ssize_t n = read(r->fd, r->text + r->size, PART_BYTES - r->size);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0)
		finish(r, n < 0 ? strerror(errno) : NULL);
	else if ((r->size += (size_t)n) == PART_BYTES)
		finish(r, "it is larger than 1 MB");
}

static int wait_turn(struct running *list, uint64_t until_ns)
{
	struct pollfd p[PARTS];
	uint64_t now = ledger_now_ns();
	int open = 0;

	for (int i = 0; i < PARTS; i++) {
		p[i] = (struct pollfd){ .fd = list[i].fd, .events = POLLIN };
		open += list[i].fd >= 0;
	}
	if (open == 0 || now >= until_ns)
		return 0;
	if (poll(p, PARTS, (int)((until_ns - now) / 1000000) + 1) < 0 && errno != EINTR)
		return 0;
	for (int i = 0; i < PARTS; i++)
		if (list[i].fd >= 0 && p[i].revents)
			take(&list[i]);
	return 1;
}

static void add(json_t *report, struct running *r)
{
	json_t *v = r->failed ? NULL : json_loadb(r->text, r->size, 0, NULL);

	if (json_is_object(v)) {
		missing_move(report, v);
		if (json_object_size(v) > 0)
			json_object_set(report, r->part->name, v);
	} else {
		missing_add(report, r->part->name, r->failed ? r->failed : "whoever was looking for it died");
	}
	json_decref(v);
}

static void run(json_t *report, const struct suspect *s, unsigned parts, uint64_t until)
{
	struct running list[PARTS] = { 0 };

	for (int i = 0; i < PARTS; i++) {
		if (parts & parts_of[i].bit)
			start(&list[i], &parts_of[i], s);
		else
			list[i].fd = -1;
	}
	while (wait_turn(list, until))
		;
	for (int i = 0; i < PARTS; i++) {
		if (list[i].fd >= 0)
			finish(&list[i], "not had in time");
		if (list[i].part)
			add(report, &list[i]);
		free(list[i].text);
	}
}

void collect(json_t *report, const struct suspect *s, unsigned parts, uint32_t deadline_ms)
{
	uint64_t now = ledger_now_ns();

	/* First what others would change: a process that is sampled is in the state "t". */
	run(report, s, parts & WITNESS_PROC, now + deadline_ms / PROC_SHARE * 1000000ull);
	run(report, s, parts & ~(unsigned)WITNESS_PROC, now + deadline_ms * 1000000ull);
}
