/* SPDX-License-Identifier: BSD-2-Clause */
/* The certificates whose issuer is missing, or has expired, and may be had from a URL. */
#ifndef LIBRARIAN_LINKS_H
#define LIBRARIAN_LINKS_H

#include "workers/librarian/build.h"

#define LINKS_MAX 1024

struct links {
	struct chain_cert **list;	/* references; each with a first URL of its own */
	size_t n;
};

/*
 * Adds the one that the best chain of cert lacks an issuer of, if there is
 * one. What is beyond LINKS_MAX is left out. 0 or -ENOMEM.
 */
int links_add(struct links *l, struct chain_cert *cert, const struct built *b, int64_t now);
void links_clear(struct links *l);

#endif
