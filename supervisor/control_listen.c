/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes the control socket, with owner and mode, before privileges are reduced. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/log.h"
#include "supervisor/control.h"
#include "supervisor/rights.h"

#define BACKLOG 64

static int fail(char *err, size_t errsize, int rc, const char *what, const char *path)
{
	snprintf(err, errsize, "control socket: %s %s: %s", what, path, strerror(-rc));
	return rc;
}

static int make_directory(const char *path, char *err, size_t errsize)
{
	char dir[sizeof(struct addr)];
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return 0;
	snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path);
	mode_t before = umask(022);
	int rc = mkdir(dir, 0755) < 0 && errno != EEXIST ? -errno : 0;
	umask(before);
	return rc < 0 ? fail(err, errsize, rc, "the directory cannot be made:", dir) : 0;
}

/* -ECONNREFUSED: nobody listens there any more. */
static int somebody_answers(const struct addr *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	/* EAGAIN: its backlog is full, so somebody is there. */
	int rc = connect(fd, (const struct sockaddr *)&a->ss, a->len) == 0 || errno == EAGAIN ? 0 : -errno;
	close(fd);
	return rc;
}

static int remove_stale(const struct addr *a, const char *path, char *err, size_t errsize)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : fail(err, errsize, -errno, "cannot look at", path);
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(err, errsize, "control socket: %s exists and is no socket; remove it, or set control.socket to another path", path);
		return -EEXIST;
	}
	int rc = somebody_answers(a);
	if (rc == 0) {
		snprintf(err, errsize, "control socket: somebody answers on %s; is another tlsward running? Stop it, or set control.socket to another path", path);
		return -EADDRINUSE;
	}
	if (rc != -ECONNREFUSED)
		return fail(err, errsize, rc, "cannot tell who listens on", path);
	return unlink(path) < 0 ? fail(err, errsize, -errno, "cannot remove the old", path) : 0;
}

static bool give_to_group(const char *path, const char *group)
{
	gid_t gid;

	if (*group == '\0')
		return false;
	if (!rights_find_group(group, &gid)) {
		log_notice("control socket: there is no group \"%s\"", group);
		return false;
	}
	return chown(path, (uid_t)-1, gid) == 0;
}

/* It is nobody else's until it has its group. */
static int bind_and_open_up(int fd, const struct addr *a, const char *path, const char *group)
{
	mode_t before = umask(0177);
	int rc = bind(fd, (const struct sockaddr *)&a->ss, a->len) < 0 ? -errno : 0;

	umask(before);
	if (rc < 0)
		return rc;
	bool grouped = give_to_group(path, group);
	if ((grouped || geteuid() == 0) && chmod(path, 0660) < 0)
		rc = -errno;
	if (rc == 0 && listen(fd, BACKLOG) < 0)
		rc = -errno;
	if (rc < 0)
		unlink(path);
	return rc;
}

int control_listen(const struct conf *conf, char *err, size_t errsize)
{
	const char *path = conf->control.socket;
	struct addr a;

	int rc = addr_from_path(&a, path);
	if (rc < 0)
		return fail(err, errsize, rc, "at most 107 bytes:", path);
	rc = make_directory(path, err, errsize);
	if (rc == 0)
		rc = remove_stale(&a, path, err, errsize);
	if (rc < 0)
		return rc;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(err, errsize, -errno, "cannot make", path);
	rc = bind_and_open_up(fd, &a, path, conf->control.group ? conf->control.group : "");
	if (rc < 0) {
		close(fd);
		return fail(err, errsize, rc, "cannot bind", path);
	}
	return fd;
}
