/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The catalog on disk, so that a start need not make it again: a file for each
 * of its segments, one that says which files it was made of, and a list that a
 * person can read. Each is written beside and renamed, the list last, so that
 * there is never half a catalog; what the list tells of size and hash is held
 * against what lies there. It holds no key.
 */
#ifndef LIBRARIAN_SAVED_H
#define LIBRARIAN_SAVED_H

#include <stdbool.h>
#include <stdint.h>

#include "common/catalog.h"

struct saved {
	uint64_t conf;			/* of the configuration that it was made for */
	uint32_t names, certificates;
	int fds[CATALOG_SEGMENTS_MAX];	/* memfds: the files (supervisor/known.h), then the segments, newest first */
	int n;				/* 0: there is none */
};

/* What was written before, to spare writing it again. All zero is nothing. */
struct saved_seen {
	struct {
		uint64_t dev, ino;	/* of a memfd, which stays open elsewhere */
		char hash[65];
	} list[2 * CATALOG_SEGMENTS_MAX];
	int next;
};

/* Writes it in place of the one that is there; its descriptors are lent. 0 or a negative errno. */
int saved_write(int dir, const struct saved *s, struct saved_seen *seen);
/*
 * Reads it into sealed memfds, the caller's. 0 (s->n is 0 if there is none), or
 * -EINVAL with *why set to a static text: what is there is of no use.
 */
int saved_read(int dir, struct saved *s, const char **why);
void saved_close(struct saved *s);

#endif
