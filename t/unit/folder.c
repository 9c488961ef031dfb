/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/unit/folder.h"

#include <dirent.h>
#include <stdbool.h>
#include <unistd.h>

static int each(const char *path, bool remove)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		n++;
		if (remove)
			unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
	return n;
}

int folder_files(const char *path)
{
	return each(path, false);
}

void folder_empty(const char *path)
{
	each(path, true);
}
