/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/deadlines.h"
#include "common/memfd.h"

static const struct { const char *name, *help; } counters[COUNT_COUNT] = {
#define X(id, name, help) [id] = { name, help },
	COUNTERS(X)
#undef X
};
static const struct { const char *name, *help; } gauges[GAUGE_COUNT] = {
#define X(id, name, help) [id] = { name, help },
	GAUGES(X)
#undef X
};
static const char *const doings[DOING_COUNT] = {
#define X(id, name) [id] = name,
	DOINGS(X)
#undef X
};
static const char *const asked[ASKED_COUNT] = {
#define X(id, name) [id] = name,
	ASKED(X)
#undef X
};
static const char *const results[RESULT_COUNT] = {
#define X(id, name) [id] = name,
	RESULTS(X)
#undef X
};

const char *counter_name(enum counter c) { return counters[c].name; }
const char *counter_help(enum counter c) { return counters[c].help; }
const char *gauge_name(enum gauge g) { return gauges[g].name; }
const char *gauge_help(enum gauge g) { return gauges[g].help; }
const char *doing_name(enum doing d) { return d < DOING_COUNT ? doings[d] : "invalid"; }
const char *asked_name(enum asked a) { return asked[a]; }
const char *result_name(enum result r) { return results[r]; }

uint64_t ledger_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static size_t size_of(uint32_t conns_n, uint32_t ended_n)
{
	return sizeof(struct ledger_head) + ((size_t)conns_n + ended_n) * sizeof(struct ledger_conn);
}

static void set_parts(struct ledger *l, void *map, uint32_t conns_n, uint32_t ended_n)
{
	l->head = map;
	l->conns = (struct ledger_conn *)(l->head + 1);
	l->ended = l->conns + conns_n;
	l->size = size_of(conns_n, ended_n);
	l->conns_n = conns_n;
	l->ended_n = ended_n;
	l->fd = -1;
}

int ledger_new(struct ledger *l, int *fd, uint32_t role, uint32_t index, uint32_t generation,
	uint32_t conns_n, uint32_t ended_n)
{
	struct ledger_head head = { .magic = LEDGER_MAGIC, .size = size_of(conns_n, ended_n),
		.conns_n = conns_n, .ended_n = ended_n,
		.role = role, .index = index, .generation = generation };

	*l = (struct ledger){ 0 };
	*fd = memfd_new("ledger", head.size);
	if (*fd < 0)
		return *fd;
	int rc = memfd_write(*fd, 0, &head, sizeof head);
	if (rc == 0)
		rc = memfd_seal_size(*fd);
	void *map = rc == 0 ? mmap(NULL, head.size, PROT_READ, MAP_SHARED, *fd, 0) : MAP_FAILED;
	if (rc == 0 && map == MAP_FAILED)
		rc = -errno;
	if (rc < 0) {
		close(*fd);
		*fd = -1;
		return rc;
	}
	set_parts(l, map, conns_n, ended_n);
	l->fd = memfd_open_for_reading(*fd);
	return 0;
}

/* 0, or -EINVAL if the memfd has not that shape. */
static int map_ledger(struct ledger *l, int fd, int prot, uint32_t conns_n, uint32_t ended_n)
{
	size_t size = size_of(conns_n, ended_n);
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if ((size_t)st.st_size != size)
		return -EINVAL;
	void *map = mmap(NULL, size, prot, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	set_parts(l, map, conns_n, ended_n);
	return 0;
}

int ledger_attach(struct ledger *l, int fd)
{
	struct ledger_head head;

	if (pread(fd, &head, sizeof head, 0) != sizeof head || head.magic != LEDGER_MAGIC)
		return -EINVAL;
	/* F_SEAL_FUTURE_WRITE would also keep the writer from giving pages back. */
	int rc = memfd_seal_seals(fd);
	if (rc == 0)
		rc = map_ledger(l, fd, PROT_READ | PROT_WRITE, head.conns_n, head.ended_n);
	if (rc == 0)
		l->head->pid = (uint32_t)getpid();
	return rc;
}

int ledger_open(struct ledger *l, int fd, uint32_t conns_n, uint32_t ended_n)
{
	*l = (struct ledger){ .fd = -1 };
	return map_ledger(l, fd, PROT_READ, conns_n, ended_n);
}

void ledger_clear(struct ledger *l)
{
	if (l->head) {
		munmap(l->head, l->size);
		if (l->fd >= 0)
			close(l->fd);
	}
	*l = (struct ledger){ .fd = -1 };
}

void ledger_heartbeat(struct ledger *l, uint64_t now_ns) { ledger_set(&l->head->heartbeat_ns, now_ns); }

void ledger_doing(struct ledger *l, enum doing d, uint32_t conn)
{
	__atomic_store_n(&l->head->doing, (uint32_t)d, __ATOMIC_RELAXED);
	__atomic_store_n(&l->head->doing_conn, conn, __ATOMIC_RELAXED);
}

void ledger_own_fd(struct ledger *l, int fd, bool own)
{
	uint64_t bit = 1ull << (unsigned)fd % 64;

	if (fd < 0 || fd >= LEDGER_OWN_FDS)
		return;
	uint64_t *at = &l->head->own_fds[fd / 64];
	ledger_set(at, own ? *at | bit : *at & ~bit);
}

void ledger_own_open_fds(struct ledger *l)
{
	for (int fd = 0; fd < LEDGER_OWN_FDS; fd++)
		ledger_own_fd(l, fd, fcntl(fd, F_GETFD) >= 0);
}

bool ledger_owns_fd(const struct ledger *l, int fd)
{
	return fd >= 0 && fd < LEDGER_OWN_FDS && ledger_get(&l->head->own_fds[fd / 64]) >> (unsigned)fd % 64 & 1;
}

struct ledger_server *ledger_server(struct ledger *l, const char *backend, const char *label)
{
	for (int i = 0; i < LEDGER_SERVERS; i++) {
		struct ledger_server *s = &l->head->servers[i];
		if (s->backend[0] == '\0') {
			snprintf(s->label, sizeof s->label, "%s", label);
			/* Last: a reader takes a row that has it. */
			snprintf(s->backend, sizeof s->backend, "%s", backend);
			return s;
		}
		if (strcmp(s->backend, backend) == 0 && strcmp(s->label, label) == 0)
			return s;
	}
	return NULL;
}

bool ledger_server_copy(const struct ledger_server *s, struct ledger_server *out)
{
	memcpy(out, s, sizeof *out);
	out->backend[sizeof out->backend - 1] = '\0';
	out->label[sizeof out->label - 1] = '\0';
	return out->backend[0] != '\0';
}

bool ledger_policy_copy(const struct ledger_policy *p, struct ledger_policy *out)
{
	memcpy(out, p, sizeof *out);
	out->name[sizeof out->name - 1] = '\0';
	out->last_error[sizeof out->last_error - 1] = '\0';
	return out->name[0] != '\0';
}

void ledger_conn_begin(struct ledger_conn *c)
{
	__atomic_store_n(&c->seq, c->seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

void ledger_conn_end(struct ledger_conn *c)
{
	__atomic_store_n(&c->seq, c->seq + 1, __ATOMIC_RELEASE);
}

void ledger_conn_retire(struct ledger *l, struct ledger_conn *c)
{
	struct ledger_head *h = l->head;

	if (l->ended_n > 0) {
		struct ledger_conn *to = &l->ended[h->ended_count % l->ended_n];
		size_t skip = sizeof to->seq;
		ledger_conn_begin(to);
		memcpy((char *)to + skip, (char *)c + skip, sizeof *to - skip);
		ledger_conn_end(to);
	}
	ledger_add(&h->ended_count, 1);
	ledger_conn_begin(c);
	c->phase = PHASE_NONE;
	ledger_conn_end(c);
}

void ledger_give_back(struct ledger *l, uint32_t first)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t from = (size_t)((char *)&l->conns[first] - (char *)l->head);
	size_t to = (size_t)((char *)&l->conns[l->conns_n] - (char *)l->head) & ~(page - 1);

	from = (from + page - 1) & ~(page - 1);
	/* Where it cannot be, they stay. */
	if (from < to)
		(void)!madvise((char *)l->head + from, to - from, MADV_REMOVE);
}

static void sanitize(struct ledger_conn *c)
{
	c->sni[sizeof c->sni - 1] = '\0';
	c->alpn[sizeof c->alpn - 1] = '\0';
	c->backend[sizeof c->backend - 1] = '\0';
	c->server[sizeof c->server - 1] = '\0';
	c->policy[sizeof c->policy - 1] = '\0';
	c->detail[sizeof c->detail - 1] = '\0';
	if (c->phase >= PHASE_COUNT)
		c->phase = PHASE_NONE;
	if (c->end >= END_COUNT)
		c->end = END_NONE;
	if (c->deadline > DEADLINE_COUNT)
		c->deadline = DEADLINE_COUNT;
}

bool ledger_conn_copy(const struct ledger_conn *c, struct ledger_conn *out)
{
	bool whole = false;

	for (int tries = 0; tries < 4 && !whole; tries++) {
		uint32_t before = __atomic_load_n(&c->seq, __ATOMIC_ACQUIRE);
		memcpy(out, c, sizeof *out);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		whole = !(before & 1) && __atomic_load_n(&c->seq, __ATOMIC_RELAXED) == before;
	}
	sanitize(out);
	return whole;
}
