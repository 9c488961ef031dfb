/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Only files of /proc that take no lock that a process in trouble may hold:
 * stat, statm, schedstat and the size of fd, not cmdline, maps or smaps.
 */
#include "supervisor/sample.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/child.h"
#include "supervisor/supervisor.h"
#include "supervisor/view.h"

#define NS_PER_MS 1000000ull
#define OVERDUE_NS 2000000000ull	/* past a deadline: two turns of a loop at its slowest */

/* ---- /proc ---- */

static int read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, text, size - 1);
	int rc = n < 0 ? -errno : 0;
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return rc;
}

/* The state's letter; 0 if there is no such process any more. */
static char read_state(pid_t pid)
{
	char text[512];

	/* The name may hold anything, so look for its end from the right. */
	const char *end = read_proc(pid, "stat", text, sizeof text) == 0 ? strrchr(text, ')') : NULL;
	return end && end[1] == ' ' ? end[2] : 0;
}

static void read_memory(pid_t pid, struct sample *s)
{
	uint64_t resident, shared;
	char text[128];

	if (read_proc(pid, "statm", text, sizeof text) == 0 && sscanf(text, "%*u %" SCNu64 " %" SCNu64, &resident, &shared) == 2)
		s->rss_bytes = (resident > shared ? resident - shared : 0) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* What the kernel counts as waiting grows when the wait is over; until then the state tells. */
static void read_cpu(struct samples *all, pid_t pid, char state, struct sample *s)
{
	const struct sample *before = all->n > 0 ? &all->list[all->n - 1] : NULL;
	char text[128];

	if (read_proc(pid, "schedstat", text, sizeof text) < 0 ||
	    sscanf(text, "%" SCNu64 " %" SCNu64, &s->cpu_ns, &s->run_delay_ns) != 2)
		return;
	if (before && state == 'R' && s->cpu_ns == before->cpu_ns)
		all->cpu_idle_ns += s->at_ns - before->at_ns;
	else
		all->cpu_idle_ns = 0;
	s->run_delay_ns += all->cpu_idle_ns;
}

/* Kernels before 6.2 give no size. */
static uint64_t count_entries(const char *path)
{
	uint64_t n = 0;
	DIR *d = opendir(path);

	if (!d)
		return 0;
	while (readdir(d))
		n++;
	closedir(d);
	return n > 2 ? n - 2 : 0;	/* without . and .. */
}

static uint64_t count_fds(pid_t pid)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	if (stat(path, &st) < 0)
		return 0;
	/* A role always has some: 0 is an old kernel, or one that does not let us look. */
	return st.st_size > 0 ? (uint64_t)st.st_size : count_entries(path);
}

static uint64_t read_fds_limit(pid_t pid)
{
	char text[2048];
	uint64_t limit = 0;

	const char *line = read_proc(pid, "limits", text, sizeof text) == 0 ? strstr(text, "Max open files") : NULL;
	return line && sscanf(line, "Max open files %" SCNu64, &limit) == 1 ? limit : 0;
}

/* ---- the ledger ---- */

/* Records are being written meanwhile: a number off by one does not matter here. */
static uint64_t count_overdue(const struct child *c, uint64_t now_ns)
{
	uint32_t n = view_conns_n(&c->ledger);
	unsigned unused = 0;
	uint64_t overdue = 0;

	for (uint32_t i = 0; i < n && unused < VIEW_UNUSED_RUN; i++) {
		const struct ledger_conn *r = &c->ledger.conns[i];
		unused = __atomic_load_n(&r->seq, __ATOMIC_RELAXED) == 0 ? unused + 1 : 0;
		if (unused > 0 || __atomic_load_n(&r->phase, __ATOMIC_RELAXED) == PHASE_NONE)
			continue;
		uint64_t from = ledger_get(&r->phase_since_ns), deadline = ledger_get(&r->deadline_ns);
		/* An end comes a tenth late at most. */
		uint64_t grace = deadline > from ? (deadline - from) / 10 : 0;
		overdue += deadline > 0 && deadline + grace + OVERDUE_NS < now_ns && __atomic_load_n(&r->fds, __ATOMIC_RELAXED) > 0;
	}
	return overdue;
}

static uint64_t counted(const struct child *c, enum counter i) { return ledger_get(&c->ledger.head->counters[i]); }
static uint64_t gauged(const struct child *c, enum gauge i) { return ledger_get(&c->ledger.head->gauges[i]); }

static void read_worker(const struct child *c, struct sample *s)
{
	s->connections = gauged(c, GAUGE_CONNS);
	s->overdue = count_overdue(c, s->at_ns);
	s->bytes = counted(c, COUNT_BYTES_UP) + counted(c, COUNT_BYTES_DOWN);
	s->handshakes = counted(c, COUNT_HANDSHAKES_FULL) + counted(c, COUNT_HANDSHAKES_RESUMED);
	s->accepts = counted(c, COUNT_ACCEPTED);
	s->wakeups = counted(c, COUNT_WAKEUPS);
	s->spurious = counted(c, COUNT_SPURIOUS);
	s->fds_known = gauged(c, GAUGE_FDS);
	s->waits_for_keeper = s->doing == DOING_SIGN;
}

/* The work of the others is what they answer, and lines. Of their descriptors only the keeper's grow with its duties. */
static void read_other(const struct child *c, struct sample *s)
{
	s->accepts = c->messages + counted(c, COUNT_LOG_LINES);
	s->fds_known = c->role == ROLE_KEEPER ? (uint64_t)c->super->workers_n : 0;
}

static void read_ledger(const struct child *c, struct sample *s)
{
	if (!c->ledger.head)
		return;
	s->heartbeat_ns = ledger_get(&c->ledger.head->heartbeat_ns);
	s->doing = __atomic_load_n(&c->ledger.head->doing, __ATOMIC_RELAXED);
	if (c->role == ROLE_WORKER)
		read_worker(c, s);
	else
		read_other(c, s);
}

/* ---- the series ---- */

void samples_clear(struct samples *s)
{
	free(s->list);
	*s = (struct samples){ .list = NULL };
}

static int begin_series(struct samples *s, const struct child *c, size_t cap)
{
	samples_clear(s);
	s->list = calloc(2 * cap, sizeof *s->list);
	if (!s->list)
		return -ENOMEM;
	s->cap = cap;
	s->generation = c->generation;
	s->fds_limit = read_fds_limit(c->pid);
	return 0;
}

/* Detectors want one row: the older half is left behind whenever the room is used up. */
static void append(struct samples *s, const struct sample *new)
{
	if (s->n == 2 * s->cap) {
		memmove(s->list, s->list + s->cap, s->cap * sizeof *s->list);
		s->n = s->cap;
	}
	s->list[s->n++] = *new;
}

int samples_take(struct samples *s, const struct child *c, double interval_s)
{
	size_t cap = (size_t)(SAMPLES_KEPT_S / interval_s) + 1;
	struct sample new = { .at_ns = ledger_now_ns() };
	char state = c->pid > 0 ? read_state(c->pid) : 0;

	if (state == 0 || state == 'Z' || state == 'X')
		return 0;
	if (!s->list || s->generation != c->generation || s->cap != cap) {
		int rc = begin_series(s, c, cap);
		if (rc < 0)
			return rc;
	}
	new.stopped = state == 'T' || state == 't';
	new.fds_limit = s->fds_limit;
	read_cpu(s, c->pid, state, &new);
	read_memory(c->pid, &new);
	read_ledger(c, &new);
	new.fds = count_fds(c->pid);
	append(s, &new);
	return 0;
}
