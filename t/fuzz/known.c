/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer target for supervisor/known.c: the list of known files comes from
 * the cache directory, which the librarian writes. It is refused, or each file
 * of it is found, and a copy of it is the same list.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memfd.h"
#include "supervisor/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool truth)
{
	if (!truth)
		abort();
}

static void demand_same(const struct known *k, const struct known *copy)
{
	demand(copy != NULL && known_count(copy) == known_count(k));
	for (size_t i = 0; i < known_places(k); i++) {
		const struct known_file *f = known_at(k, i);
		const struct known_file *again = f ? known_find(copy, f->group, f->path) : NULL;

		demand(!f || known_find(k, f->group, f->path) == f);
		demand(!f || (again && again->number == f->number && again->stamp == f->stamp && again->until == f->until));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_new("fuzz", 0);

	demand(fd >= 0 && write(fd, data, size) == (ssize_t)size && memfd_seal_all(fd) == 0);
	struct known *k = known_read(fd);
	if (!k)
		return 0;
	int out = known_write(k);
	demand(out >= 0);
	struct known *copy = known_read(out);
	demand_same(k, copy);
	known_free(copy);
	known_free(k);
	return 0;
}
