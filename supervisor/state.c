/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/child.h"

#define RECORD "workers"
#define CACHE "cache"
#define RECORD_MAX 16384
#define REPORTS "incidents"
#define PROCESS_NAME "tlsw-"	/* role.c names processes so */

int state_process(pid_t pid, uint64_t *start, char *comm, size_t commsize)
{
	char path[64], text[1024], state;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	/* The name may hold anything, so look for its end from the right. */
	char *open = strchr(text, '('), *end = strrchr(text, ')');
	if (!open || !end || sscanf(end + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u"
	    " %*d %*d %*d %*d %*d %*d %" SCNu64, &state, start) != 2 || state == 'Z' || state == 'X')
		return -ESRCH;
	if (comm)
		snprintf(comm, commsize, "%.*s", (int)(end - open - 1), open + 1);
	return 0;
}

bool orphan_lives(const struct orphan *o)
{
	uint64_t start;
	char comm[64];

	return state_process(o->pid, &start, comm, sizeof comm) == 0 && start == o->start &&
		strncmp(comm, PROCESS_NAME, strlen(PROCESS_NAME)) == 0;
}

static int make_directory(const char *path, char *err, size_t errsize)
{
	struct stat st;

	if (mkdir(path, 0755) < 0 && errno != EEXIST) {
		snprintf(err, errsize, "state_directory: %s cannot be made: %s", path, strerror(errno));
		return -errno;
	}
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		snprintf(err, errsize, "state_directory: %s is no directory", path);
		return -ENOTDIR;
	}
	return 0;
}

/* While we still may; without it reports are kept in memory alone. */
static int open_reports(const char *directory)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/" REPORTS, directory);
	if (mkdir(path, 0750) < 0 && errno != EEXIST)
		return -errno;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static void read_record(struct state *st)
{
	char text[RECORD_MAX + 1];
	ssize_t n = pread(st->fd, text, RECORD_MAX, 0);

	text[n > 0 ? n : 0] = '\0';
	for (char *line = strtok(text, "\n"); line && st->orphans_n < STATE_ORPHANS_MAX; line = strtok(NULL, "\n")) {
		struct orphan o;
		int pid;
		if (sscanf(line, "%d %" SCNu64, &pid, &o.start) != 2 || pid <= 1)
			continue;
		o.pid = pid;
		if (orphan_lives(&o))
			st->orphans[st->orphans_n++] = o;
	}
}

static int open_record(struct state *st, const char *directory, char *err, size_t errsize)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/" RECORD, directory);
	st->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (st->fd < 0) {
		snprintf(err, errsize, "state_directory: %s cannot be opened: %s", path, strerror(errno));
		return -errno;
	}
	if (flock(st->fd, LOCK_EX | LOCK_NB) < 0) {
		snprintf(err, errsize, "state_directory: another tlsward runs with %s; give each its own", directory);
		close(st->fd);	/* the record is the other's */
		st->fd = -1;
		return -EBUSY;
	}
	return 0;
}

/* Ours alone: the keeper gets descriptors of what is in it. */
static int make_keys(const char *directory, char *err, size_t errsize)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/" STATE_KEYS, directory);
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	snprintf(err, errsize, "state_directory: %s cannot be made: %s", path, strerror(errno));
	return -errno;
}

int state_open(struct state *st, const struct conf *conf, char *err, size_t errsize)
{
	*st = (struct state){ .fd = -1, .reports_fd = -ENOENT, .cache = -1 };
	int rc = make_directory(conf->state_directory, err, errsize);
	if (rc == 0)
		rc = open_record(st, conf->state_directory, err, errsize);
	if (rc == 0)
		read_record(st);
	if (rc == 0)
		rc = make_keys(conf->state_directory, err, errsize);
	if (rc == 0)
		st->reports_fd = open_reports(conf->state_directory);
	return rc;
}

/* Of a link somebody else may choose the target. */
static int open_owned(const char *path, uid_t uid, gid_t gid)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return -errno;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (geteuid() == 0 && fchown(fd, uid, gid) < 0) {
		int rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

void state_open_cache(struct state *st, const struct conf *conf, uid_t uid, gid_t gid)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/" CACHE, conf->state_directory);
	int fd = open_owned(path, uid, gid);
	st->cache = fd < 0 ? -1 : fd;
	if (fd < 0)
		log_warning("%s cannot be used, what is fetched is not kept: %s", path, strerror(-fd));
}

static size_t put(char *text, size_t at, pid_t pid, uint64_t start)
{
	int n = snprintf(text + at, RECORD_MAX - at, "%d %" PRIu64 "\n", (int)pid, start);

	return n > 0 && (size_t)n < RECORD_MAX - at ? at + (size_t)n : at;
}

void state_write(const struct state *st, const struct child *workers, int n)
{
	char text[RECORD_MAX];
	size_t size = 0;

	if (st->fd < 0)
		return;
	for (int i = 0; i < n; i++)
		if (workers[i].pid > 0)
			size = put(text, size, workers[i].pid, workers[i].proc_start);
	for (int i = 0; i < st->orphans_n; i++)
		if (orphan_lives(&st->orphans[i]))
			size = put(text, size, st->orphans[i].pid, st->orphans[i].start);
	/* One small write to an open file; a torn one is caught by the start times. */
	if (pwrite(st->fd, text, size, 0) == (ssize_t)size && ftruncate(st->fd, (off_t)size) < 0)
		return;
}

void state_close(struct state *st)
{
	if (st->fd < 0)
		return;
	if (st->cache >= 0)
		close(st->cache);
	st->cache = -1;
	state_write(st, NULL, 0);
	close(st->fd);
	st->fd = -1;
	if (st->reports_fd >= 0)
		close(st->reports_fd);
	st->reports_fd = -ENOENT;
}
