/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/confine.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/landlock.h"

#define PLACES_MAX 8

struct places {
	struct landlock_place list[PLACES_MAX];
	size_t n;
};

/* What is not there now is no place. */
static void add_for_reading(struct places *p, const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd >= 0)
		p->list[p->n++] = (struct landlock_place){ .fd = fd, .read = true };
}

/* Where such a file really lies: programs that change it put another one in its place, so the folder counts. */
static void add_folder_of(struct places *p, const char *file)
{
	char path[PATH_MAX], *slash;

	if (!realpath(file, path))
		return;
	slash = strrchr(path, '/');
	if (slash > path)
		*slash = '\0';
	add_for_reading(p, path);
}

static void add_for_resolving(struct places *p)
{
	static const char *const files[] = { "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf" };

	add_for_reading(p, "/etc");
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		add_folder_of(p, files[i]);
}

int confine(int cache)
{
	struct places p = { .n = 0 };

	add_for_resolving(&p);
	size_t opened = p.n;
	if (cache >= 0)
		p.list[p.n++] = (struct landlock_place){ .fd = cache, .read = true, .write = true };
	int rc = landlock_enter_places(p.list, p.n, LANDLOCK_READS_PLACES);
	for (size_t i = 0; i < opened; i++)
		close(p.list[i].fd);
	return rc;
}
