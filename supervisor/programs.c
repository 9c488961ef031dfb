/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static const char *const names[ROLE_COUNT] = {
	[ROLE_WORKER] = "tlsward-worker", [ROLE_KEEPER] = "tlsward-keeper",
	[ROLE_LIBRARIAN] = "tlsward-librarian", [ROLE_LOGGER] = "tlsward-logger",
	[ROLE_ADVISOR] = "tlsward-advisor", [ROLE_OPENER] = PROGRAM_OPENER,
	[ROLE_WITNESS] = "tlsward-witness",
};

static const enum role found[] = { ROLE_WORKER, ROLE_KEEPER, ROLE_LIBRARIAN, ROLE_LOGGER, ROLE_ADVISOR, ROLE_WITNESS };

const char *program_name(enum role r)
{
	return names[r];
}

static int open_in(const char *dir, const char *name)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd >= 0 && faccessat(AT_FDCWD, path, X_OK, 0) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int find(const char *const dirs[], size_t n, const char *name)
{
	int fd = -1;

	for (size_t i = 0; i < n && fd < 0; i++)
		fd = open_in(dirs[i], name);
	return fd;
}

static int not_found(const char *name, const char *const dirs[3], char *err, size_t errsize)
{
	snprintf(err, errsize, "the program %s was not found in %s, %s or %s", name, dirs[0], dirs[1], dirs[2]);
	return -ENOENT;
}

int programs_open(struct programs *p, char *err, size_t errsize)
{
	char self[PATH_MAX] = "", libexec[PATH_MAX + 32];

	for (int i = 0; i < ROLE_COUNT; i++)
		p->fds[i] = -1;
	p->hook = -1;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	p->fds[ROLE_OPENER] = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (n < 0 || p->fds[ROLE_OPENER] < 0) {
		snprintf(err, errsize, "/proc/self/exe cannot be opened; tlsward needs /proc");
		return -ENOENT;
	}
	const char *here = dirname(self);
	snprintf(libexec, sizeof libexec, "%s/../libexec/tlsward", here);
	const char *const dirs[] = { here, libexec, ROLEDIR };
	for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {
		const char *name = names[found[i]];
		p->fds[found[i]] = find(dirs, sizeof dirs / sizeof dirs[0], name);
		if (p->fds[found[i]] < 0)
			return not_found(name, dirs, err, errsize);
	}
	p->hook = find(dirs, sizeof dirs / sizeof dirs[0], PROGRAM_HOOK);
	return p->hook < 0 ? not_found(PROGRAM_HOOK, dirs, err, errsize) : 0;
}

void programs_close(struct programs *p)
{
	for (int i = 0; i < ROLE_COUNT; i++) {
		if (p->fds[i] >= 0)
			close(p->fds[i]);
		p->fds[i] = -1;
	}
	if (p->hook >= 0)
		close(p->hook);
	p->hook = -1;
}
