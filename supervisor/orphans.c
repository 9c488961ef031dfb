/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/orphans.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

#define PATIENCE_MS 1000
#define DEATH_MS 1000
#define STEP_MS 10
#define TCP_LISTEN_STATE 0x0a

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = STEP_MS * 1000000L }, NULL);
}

/* The address as /proc/net/tcp and tcp6 print it. */
static void proc_text(const struct addr *a, char text[64])
{
	uint32_t words[4];
	int n = 1, at = 0;
	uint16_t port;

	if (a->ss.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)&a->ss;
		memcpy(words, &in6->sin6_addr, sizeof words);
		port = ntohs(in6->sin6_port);
		n = 4;
	} else {
		const struct sockaddr_in *in = (const void *)&a->ss;
		memcpy(words, &in->sin_addr, sizeof words[0]);
		port = ntohs(in->sin_port);
	}
	for (int i = 0; i < n; i++)
		at += snprintf(text + at, (size_t)(64 - at), "%08X", words[i]);
	snprintf(text + at, (size_t)(64 - at), ":%04X", port);
}

/* The inode of the socket that listens there; 0: none is seen. */
static uint64_t listener_inode(const struct addr *a)
{
	char want[64], line[512], local[64];
	uint64_t inode = 0, found = 0;
	unsigned state;
	FILE *f = fopen(a->ss.ss_family == AF_INET6 ? "/proc/net/tcp6" : "/proc/net/tcp", "re");

	if (!f)
		return 0;
	proc_text(a, want);
	while (!found && fgets(line, sizeof line, f))
		if (sscanf(line, " %*d: %63s %*s %x %*s %*s %*s %*u %*d %" SCNu64, local, &state, &inode) == 3 &&
		    state == TCP_LISTEN_STATE && strcmp(local, want) == 0)
			found = inode;
	fclose(f);
	return found;
}

/* A process whose descriptors may not be seen counts as a holder. */
static bool holds(pid_t pid, uint64_t inode)
{
	char path[64], want[64], link[64];
	struct dirent *e;
	bool found = false;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	snprintf(want, sizeof want, "socket:[%" PRIu64 "]", inode);
	DIR *d = opendir(path);
	if (!d)
		return true;
	while (!found && (e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, link, sizeof link - 1);
		link[n > 0 ? n : 0] = '\0';
		found = strcmp(link, want) == 0;
	}
	closedir(d);
	return found;
}

static int holders(const struct state *st, const struct addr *a)
{
	uint64_t inode = listener_inode(a);
	int n = 0;

	for (int i = 0; inode != 0 && i < st->orphans_n; i++)
		n += orphan_lives(&st->orphans[i]) && holds(st->orphans[i].pid, inode);
	return n;
}

static void end_orphan(const struct orphan *o, const char *address)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_WARNING, "killing a worker of an earlier run that still holds a listener");
	log_u64(&l, "child", (uint64_t)o->pid);
	log_str(&l, "address", address);
	log_ms(&l, "after", PATIENCE_MS);
	log_end(&l);
	kill(o->pid, SIGKILL);
	for (int ms = 0; ms < DEATH_MS && orphan_lives(o); ms += STEP_MS)
		nap();
}

bool orphans_give_way(const struct state *st, const struct addr *a)
{
	char text[ADDR_TEXT];
	int had = holders(st, a), n = had;

	for (int ms = 0; n > 0 && ms < PATIENCE_MS; ms += STEP_MS) {
		nap();
		n = holders(st, a);
	}
	uint64_t inode = n > 0 ? listener_inode(a) : 0;
	for (int i = 0; inode != 0 && i < st->orphans_n; i++)
		if (orphan_lives(&st->orphans[i]) && holds(st->orphans[i].pid, inode))
			end_orphan(&st->orphans[i], addr_text((const struct sockaddr *)&a->ss, text));
	/* They may also have let go between the bind and the first look. */
	return had > 0 || listener_inode(a) == 0;
}
