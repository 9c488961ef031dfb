/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/unit/corpus.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define FILE_BYTES_MAX 65536

static void replay_one(const char *folder, const char *name, corpus_replay *replay)
{
	static uint8_t data[FILE_BYTES_MAX];
	char path[8192];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	size_t size = fread(data, 1, sizeof data, f);
	fclose(f);
	print_message("# %s\n", name);
	replay(name, data, size);
}

size_t corpus_each(const char *name, corpus_replay *replay)
{
	const char *src = getenv("TLSWARD_SRC");
	char folder[4096];
	size_t files = 0;

	snprintf(folder, sizeof folder, "%s/t/fuzz/%s-corpus", src ? src : ".", name);
	DIR *d = opendir(folder);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)); ) {
		if (e->d_name[0] == '.')
			continue;
		replay_one(folder, e->d_name, replay);
		files++;
	}
	closedir(d);
	return files;
}
