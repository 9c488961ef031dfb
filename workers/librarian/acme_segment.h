/* SPDX-License-Identifier: BSD-2-Clause */
/* The catalog segments that ACME makes: of the certificates that were ordered, and of open challenges. */
#ifndef LIBRARIAN_ACME_SEGMENT_H
#define LIBRARIAN_ACME_SEGMENT_H

#include "common/chains.h"
#include "workers/librarian/acme_names.h"
#include "workers/librarian/round.h"

/*
 * Of all names that are served and have a certificate, but those that a file of
 * the round has one for; m gets their numbers.
 * Returns the descriptor, -ENOENT if there are none, or another negative errno.
 */
int acme_segment_ordered(const struct acme_names *names, bool (*served)(void *data, const struct acme_name *name), void *data,
	const struct round *r, int64_t now, struct msg_ordered *m);

/* Whether a file of the round has a certificate for that very name. */
bool acme_segment_has_file(const struct round *r, const char *name);

/* Of n certificates (DER) that answer challenges; those without size are none. The same. */
int acme_segment_challenges(const struct bytes *certificates, int n, uint32_t generation, int64_t now);

#endif
