/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/witness/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SUFFIX ".json"
#define UNFINISHED_S 60	/* longer than any witness lives */

static int write_all(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, text, size);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			size -= (size_t)n;
		}
	}
	return fchmod(fd, 0640) < 0 || fsync(fd) < 0 ? -errno : 0;
}

int store_write(int dir, const char *id, const char *text, size_t size)
{
	char name[NAME_MAX + 1], unfinished[NAME_MAX + 1];

	snprintf(name, sizeof name, "%s" SUFFIX, id);
	snprintf(unfinished, sizeof unfinished, ".%s.new", id);
	int fd = openat(dir, unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int rc = write_all(fd, text, size);
	close(fd);
	if (rc == 0 && renameat(dir, unfinished, dir, name) < 0)
		rc = -errno;
	if (rc < 0)
		unlinkat(dir, unfinished, 0);
	return rc;
}

static int is_report(const struct dirent *e)
{
	size_t n = strlen(e->d_name), suffix = strlen(SUFFIX);

	return e->d_name[0] != '.' && n > suffix && strcmp(e->d_name + n - suffix, SUFFIX) == 0;
}

static int is_unfinished(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] == '.' && n > 4 && strcmp(e->d_name + n - 4, ".new") == 0;
}

static void free_names(struct dirent **list, int n)
{
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

static size_t bytes_of(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (size_t)st.st_size : 0;
}

/* Nobody writes to it any more: several witnesses may be at work. */
static bool is_old(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && time(NULL) - st.st_mtime > UNFINISHED_S;
}

void store_prune(int dir, size_t files_max, size_t bytes_max)
{
	struct dirent **list = NULL;
	size_t bytes = 0;
	int n = scandirat(dir, ".", &list, is_unfinished, NULL);

	for (int i = 0; i < n; i++)
		if (is_old(dir, list[i]->d_name))
			unlinkat(dir, list[i]->d_name, 0);
	free_names(list, n);
	list = NULL;
	n = scandirat(dir, ".", &list, is_report, alphasort);
	/* From the newest to the oldest: what lies beyond goes. */
	for (int i = n - 1; i >= 0; i--) {
		bytes += bytes_of(dir, list[i]->d_name);
		if ((size_t)(n - i) > files_max || bytes > bytes_max)
			unlinkat(dir, list[i]->d_name, 0);
	}
	free_names(list, n);
}

static char *read_text(int dir, const char *name, size_t *size)
{
	struct stat st;
	char *text = NULL;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_size > (off_t)STORE_FILE_BYTES))
		errno = EBADMSG;
	else if ((text = malloc(STORE_FILE_BYTES))) {
		ssize_t n = pread(fd, text, STORE_FILE_BYTES, 0);
		*size = n > 0 ? (size_t)n : 0;
	}
	int err = errno;
	close(fd);
	errno = err;
	return text;
}

json_t *store_read(int dir, const char *id, size_t *size)
{
	char name[NAME_MAX + 1];

	snprintf(name, sizeof name, "%s" SUFFIX, id);
	char *text = read_text(dir, name, size);
	json_t *report = text ? json_loadb(text, *size, 0, NULL) : NULL;
	if (text && !json_is_object(report)) {
		json_decref(report);
		report = NULL;
		errno = EBADMSG;
	}
	int err = errno;
	free(text);
	errno = err;
	return report;
}

static json_t *summary(int dir, const char *name)
{
	static const char *const keys[] = { "time", "role", "worker", "pid", "generation", "verdict", "numbers", "death" };
	char id[NAME_MAX + 1];
	size_t size = 0;

	snprintf(id, sizeof id, "%.*s", (int)(strlen(name) - strlen(SUFFIX)), name);
	json_t *report = store_read(dir, id, &size), *o = json_pack("{s:s, s:I}", "id", id, "bytes", (json_int_t)size);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (json_object_get(report, keys[i]))
			json_object_set(o, keys[i], json_object_get(report, keys[i]));
	if (!report)
		json_object_set_new(o, "error", json_string("it cannot be read"));
	json_decref(report);
	return o;
}

json_t *store_list(int dir)
{
	struct dirent **list = NULL;
	json_t *all = json_array();
	int n = scandirat(dir, ".", &list, is_report, alphasort);

	for (int i = n > STORE_FILES_MAX ? n - STORE_FILES_MAX : 0; i < n; i++)
		json_array_append_new(all, summary(dir, list[i]->d_name));
	free_names(list, n);
	return all;
}
