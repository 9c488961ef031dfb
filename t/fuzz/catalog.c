/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer target for common/catalog.c: a segment that a librarian made which
 * was taken over is refused, or all that a worker reads of it lies within.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/catalog.h"
#include "common/memfd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned sum;	/* of all that is read, so that it is */

static void demand(bool truth)
{
	if (!truth)
		abort();
}

static void read_bytes(const struct catalog_segment *s, uint32_t off, uint32_t size)
{
	const uint8_t *at = catalog_bytes(s, off, size);

	demand(at != NULL || size == 0);
	for (uint32_t i = 0; i < size; i++)
		sum += at[i];
}

static void read_text(const char *text)
{
	sum += (unsigned)strlen(text);
}

static void read_entry(const struct catalog_segment *s, const struct catalog_entry *e)
{
	const struct catalog_staple *staple = catalog_staple(s, e);

	read_bytes(s, e->cert_off, e->cert_size);
	read_bytes(s, e->cert_off + e->spki_at, e->spki_size);
	read_text(catalog_source(s, e));
	demand(e->chains_n >= 1 && e->chains_n <= CATALOG_CHAINS_MAX);
	for (uint32_t i = 0; i < e->chains_n; i++) {
		const struct catalog_chain *c = catalog_chain(s, e, i);

		read_text(catalog_text(s, c->missing_off));
		read_text(catalog_text(s, c->url_off));
		for (uint32_t j = 0; j < c->links_n; j++) {
			read_bytes(s, c->links[j].off, c->links[j].size);
			read_text(catalog_text(s, c->links[j].name_off));
		}
	}
	if (staple) {
		demand(staple->size <= CATALOG_STAPLE_MAX);
		read_bytes(s, staple->off, staple->size);
		read_text(catalog_text(s, staple->url_off));
	}
}

static void walk(struct catalog *c)
{
	struct catalog_found f, again;
	const char *name;

	for (uint32_t i = 0; i < catalog_slots(c, 0); i++) {
		if (!catalog_slot(c, 0, i, &name, &f))
			continue;
		demand(f.n >= 1 && f.n <= CATALOG_ENTRIES_MAX);
		for (int j = 0; j < f.n; j++)
			read_entry(f.segment, f.entries[j]);
		read_text(name);
		catalog_find(c, name, &again);
	}
}

static int sealed(const uint8_t *data, size_t size)
{
	int fd = memfd_new("fuzz", 0);

	demand(fd >= 0 && write(fd, data, size) == (ssize_t)size && memfd_seal_all(fd) == 0);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct catalog checked, opened;
	int fd = sealed(data, size), later = dup(fd);

	catalog_init(&checked);
	catalog_init(&opened);
	if (catalog_load(&checked, 1, &fd, 1) == 0)
		walk(&checked);
	if (catalog_open(&opened, 1, &later, 1) == 0)	/* a slot is checked when it is looked at */
		walk(&opened);
	catalog_clear(&checked);
	catalog_clear(&opened);
	return 0;
}
