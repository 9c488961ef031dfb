/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The opener process: opens files as it is asked and passes the descriptors
 * back. It may block and hang; whoever asks has a deadline. It holds at most
 * one descriptor of a file at a time.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/numbers.h"
#include "common/role.h"
#include "supervisor/known.h"
#include "supervisor/opener.h"

#define FILE_MAX (1 << 20)	/* bytes in a certificate, key or script file */
#define SET_MAX (64 << 20)	/* bytes in the text of a host set */
#define ANSWER_MS 10000
#define SIGN_OF_LIFE 1024	/* files of a folder that may be unchanged before it is heard of */
#define ON_THE_WAY_BYTES 4096	/* of answers that have not been taken */

static void wait_writable(const struct channel *ch)
{
	struct pollfd p = { .fd = ch->fd, .events = POLLOUT };

	while (poll(&p, 1, -1) < 0)
		if (errno != EINTR)
			exit(EXIT_FAILURE);
}

/* Waits until what is queued has been taken; the reader may be busy. */
static void flush(struct channel *ch)
{
	while (channel_pending(ch) > 0) {
		wait_writable(ch);
		int rc = channel_flush(ch);
		if (rc < 0 && rc != -EAGAIN)
			exit(EXIT_FAILURE);
	}
}

static void answer(struct role_self *self, uint32_t id, const char *path, uint64_t stamp, const char *error, int fd)
{
	struct msg m = { .type = MSG_OPEN_ANS, .id = id, .open_ans = { .path = path, .stamp = stamp, .error = error } };

	if (msg_send(&self->channel, &m, &fd, fd >= 0) < 0)
		exit(EXIT_FAILURE);
	flush(&self->channel);
	if (fd >= 0)
		close(fd);
}

static void refuse(struct role_self *self, uint32_t id, const char *path, const char *why)
{
	char text[256];

	snprintf(text, sizeof text, "cannot be opened: %s", why);
	answer(self, id, path, 0, text, -1);
}

static void open_plain(struct role_self *self, uint32_t id, int dir, const char *name, const char *path, off_t max)
{
	struct stat st;
	/* Links are followed: certificates are often kept behind them. */
	int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0) {
		refuse(self, id, path, strerror(errno));
		return;
	}
	const char *wrong = fstat(fd, &st) < 0 ? strerror(errno) : S_ISDIR(st.st_mode) ? "it is a directory" :
		!S_ISREG(st.st_mode) ? "it is no regular file" :
		st.st_size > max ? max == FILE_MAX ? "it is larger than 1 MB" : "it is larger than 64 MB" : NULL;
	if (wrong) {
		close(fd);
		refuse(self, id, path, wrong);
		return;
	}
	answer(self, id, path, known_stamp(&st), "", fd);
}

static void open_log(struct role_self *self, uint32_t id, const char *path)
{
	/* O_NONBLOCK for opening alone (a FIFO without a reader); the logger may wait in writing. */
	umask(027);
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);

	if (fd < 0) {
		refuse(self, id, path, strerror(errno));
		return;
	}
	fcntl(fd, F_SETFL, O_APPEND);
	answer(self, id, path, 0, "", fd);
}

/* A key of our own: who comes after us must not find a link in its place. */
static void open_key(struct role_self *self, uint32_t id, const char *path)
{
	umask(077);
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	struct stat st;
	const char *wrong = fd < 0 || fstat(fd, &st) < 0 ? strerror(errno) : S_ISREG(st.st_mode) ? NULL : "it is no regular file";

	if (!wrong) {
		answer(self, id, path, 0, "", fd);
		return;
	}
	if (fd >= 0)
		close(fd);
	refuse(self, id, path, wrong);
}

/* Of the file: dirname() changes a copy. */
static int folder_of(const char *path)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof copy, "%s", path);
	return open(dirname(copy), O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Where a link does not lead anywhere, opening the file will say so. */
static uint32_t open_folders(struct role_self *self, uint32_t id, const char *path)
{
	char target[PATH_MAX];
	int fd = folder_of(path);
	struct stat st;

	if (fd < 0) {
		refuse(self, id, path, strerror(errno));
		return 1;
	}
	answer(self, id, path, 0, "", fd);
	if (lstat(path, &st) < 0 || !S_ISLNK(st.st_mode) || !realpath(path, target) || (fd = folder_of(target)) < 0)
		return 1;
	answer(self, id, target, 0, "", fd);
	return 2;
}

static int is_wanted(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && e->d_name[n - 1] != '~' && e->d_type != DT_DIR;
}

static int is_script(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return is_wanted(e) && n > 4 && strcmp(e->d_name + n - 4, ".lua") == 0;
}

/* What is asked for: of a group, some files may be known. */
struct question {
	uint32_t id, group;
	const char *path;
	struct known *known;		/* NULL: nothing is */
	bool with_known;
	/* Of these, what is to go out together. */
	uint32_t numbers[FDPASS_MAX];
	int fds[FDPASS_MAX], n;
	int together;			/* so many at most */
};

static void send_known(struct role_self *self, struct question *q)
{
	struct msg m = { .type = MSG_OPEN_KNOWN, .id = q->id,
		.open_known = { .numbers = { (const uint8_t *)q->numbers, (size_t)q->n * sizeof q->numbers[0] } } };

	if (q->n == 0)
		return;
	/* A socket is not writable before most of what was sent has been taken, and so not on its way any more. */
	wait_writable(&self->channel);
	if (msg_send(&self->channel, &m, q->fds, q->n) < 0)
		exit(EXIT_FAILURE);
	flush(&self->channel);
	while (q->n > 0)
		close(q->fds[--q->n]);
}

/* What was opened in order to be looked at goes out if it is as it was. */
static bool add_known(struct role_self *self, struct question *q, int dir, const char *name, const struct known_file *f)
{
	int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) < 0 || !known_is_fresh(f, &st, time(NULL))) {
		close(fd);
		return false;
	}
	q->numbers[q->n] = f->number;
	q->fds[q->n++] = fd;
	if (q->n == q->together)
		send_known(self, q);
	return true;
}

static struct known_file *find_known(const struct question *q, const char *path)
{
	return q->known && q->group ? known_find(q->known, q->group, path) : NULL;
}

static bool is_fresh(int dir, const char *name, const struct known_file *f)
{
	struct stat st;

	return fstatat(dir, name, &st, 0) == 0 && known_is_fresh(f, &st, time(NULL));
}

/* Known and as it was: there is no more to be done with it. */
static bool is_done(struct role_self *self, struct question *q, int dir, const char *name, const char *path)
{
	struct known_file *f = find_known(q, path);

	if (!f || f->stamp == 0 || !(q->with_known ? add_known(self, q, dir, name, f) : is_fresh(dir, name, f)))
		return false;
	f->seen = true;
	return true;
}

static void tell_gone_of(struct role_self *self, uint32_t id, struct bytes numbers)
{
	struct msg m = { .type = MSG_OPEN_GONE, .id = id, .open_gone = { .numbers = numbers } };

	if (msg_send(&self->channel, &m, NULL, 0) < 0)
		exit(EXIT_FAILURE);
	flush(&self->channel);
}

/* Names in a folder. */
struct names {
	char **list;
	size_t n, cap;
};

static int names_add(struct names *names, const char *name)
{
	if (names->n == names->cap) {
		size_t cap = names->cap ? 2 * names->cap : 64;
		char **list = reallocarray(names->list, cap, sizeof *list);
		if (!list)
			return -1;
		names->list = list;
		names->cap = cap;
	}
	names->list[names->n] = strdup(name);
	return names->list[names->n] ? (int)names->n++ : -1;
}

static void names_clear(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->list[i]);
	free(names->list);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * Those that are known and as they were are done as the folder shows them, which
 * costs least; the others are left in their order. 0, or -1 with errno.
 */
static int sort_out(struct role_self *self, struct question *q, DIR *d, int (*wanted)(const struct dirent *), struct names *left)
{
	char full[MSG_PATH_MAX + NAME_MAX + 2];
	size_t before = (size_t)snprintf(full, sizeof full, "%s/", q->path), looked = 0;
	struct dirent *e;

	for (errno = 0; (e = readdir(d)) != NULL; errno = 0) {
		if (!wanted(e))
			continue;
		if (++looked % SIGN_OF_LIFE == 0)
			tell_gone_of(self, q->id, (struct bytes){ NULL, 0 });
		snprintf(full + before, sizeof full - before, "%s", e->d_name);
		if (!is_done(self, q, dirfd(d), e->d_name, full) && names_add(left, e->d_name) < 0)
			return -1;
	}
	if (errno)
		return -1;
	if (left->n > 0)
		qsort(left->list, left->n, sizeof left->list[0], compare_names);
	return 0;
}

static uint32_t open_entries(struct role_self *self, const struct question *q, int dir, const struct names *names)
{
	char full[MSG_PATH_MAX + NAME_MAX + 2];
	uint32_t files = 0;
	struct stat st;

	for (size_t i = 0; i < names->n; i++) {
		const char *name = names->list[i];
		/* Also a link to a directory is none of our files. */
		if (fstatat(dir, name, &st, 0) == 0 && S_ISDIR(st.st_mode))
			continue;
		snprintf(full, sizeof full, "%s/%s", q->path, name);
		struct known_file *f = find_known(q, full);
		if (f)
			f->seen = true;
		open_plain(self, q->id, dir, name, full, FILE_MAX);
		files++;
	}
	return files;
}

/* Those of the group that the directory did not show. */
static void look_for_gone(struct role_self *self, const struct question *q)
{
	struct numbers gone = { .n = 0 };

	for (size_t i = 0; q->known && q->group && i < known_places(q->known); i++) {
		const struct known_file *f = known_at(q->known, i);
		if (f && f->group == q->group && !f->seen && numbers_add(&gone, f->number) < 0)
			exit(EXIT_FAILURE);
	}
	for (size_t at = 0; at < gone.n; at += MSG_NUMBERS_MAX)
		tell_gone_of(self, q->id, numbers_bytes(&gone, at, MSG_NUMBERS_MAX));
	numbers_clear(&gone);
}

static uint32_t open_directory(struct role_self *self, struct question *q, int (*wanted)(const struct dirent *))
{
	struct names left = { .n = 0 };
	uint32_t files = 0;
	DIR *d = opendir(q->path);
	int rc = d ? sort_out(self, q, d, wanted, &left) : -1, err = errno;

	send_known(self, q);
	if (rc < 0)
		refuse(self, q->id, q->path, strerror(err));
	else
		files = open_entries(self, q, dirfd(d), &left);
	if (rc == 0)
		look_for_gone(self, q);
	names_clear(&left);
	if (d)
		closedir(d);
	return files;
}

static uint32_t open_file(struct role_self *self, struct question *q)
{
	if (q->group && is_done(self, q, AT_FDCWD, q->path, q->path))
		return 0;
	open_plain(self, q->id, AT_FDCWD, q->path, q->path, FILE_MAX);
	return 1;
}

static void on_open_req(struct role_self *self, uint32_t id, const struct msg_open_req *q, struct known *known)
{
	struct msg end = { .type = MSG_OPEN_END, .id = id, .open_end = { .files = 1 } };
	struct question question = { .id = id, .group = q->group, .path = q->path, .known = known, .with_known = q->with_known,
		.together = fdpass_share() };

	if (q->kind == OPEN_DIRECTORY || q->kind == OPEN_SCRIPTS)
		end.open_end.files = open_directory(self, &question, q->kind == OPEN_SCRIPTS ? is_script : is_wanted);
	else if (q->kind == OPEN_FILE)
		end.open_end.files = open_file(self, &question);
	else if (q->kind == OPEN_LOG)
		open_log(self, id, q->path);
	else if (q->kind == OPEN_KEY)
		open_key(self, id, q->path);
	else if (q->kind == OPEN_FOLDER)
		end.open_end.files = open_folders(self, id, q->path);
	else
		open_plain(self, id, AT_FDCWD, q->path, q->path, SET_MAX);
	send_known(self, &question);
	if (msg_send(&self->channel, &end, NULL, 0) < 0)
		exit(EXIT_FAILURE);
	flush(&self->channel);
}

/*
 * Descriptors on their way are counted by the kernel for the user, against
 * RLIMIT_NOFILE: a folder of hundreds of files must not fill a small one.
 */
static void keep_few_on_the_way(const struct role_self *self)
{
	const int bytes = ON_THE_WAY_BYTES;

	setsockopt(self->channel.fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

int opener_main(void)
{
	static struct role_self self;
	static struct packet p;
	struct known *known = NULL;
	struct msg m;

	role_begin(&self, ROLE_OPENER);
	keep_few_on_the_way(&self);
	role_introduce(&self, "");
	role_ready(&self);
	for (;;) {
		struct pollfd poller = { .fd = self.channel.fd, .events = POLLIN };
		int rc = role_recv(&self, &p, &m);
		if (rc == -EAGAIN) {
			poll(&poller, 1, ANSWER_MS);
			continue;
		}
		if (rc < 0) {
			known_free(known);
			return rc == -EPIPE ? EXIT_SUCCESS : EXIT_FAILURE;
		}
		if (m.type == MSG_KNOWN) {
			known_free(known);
			known = known_read(packet_take_fd(&p, 0));
		}
		if (m.type == MSG_OPEN_REQ)
			on_open_req(&self, m.id, &m.open_req, known);
		packet_close_fds(&p);
	}
}
