/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds a catalog segment (common/catalog.h). Certificates are added as their
 * files are read; which of them are served is decided at the end. Equal bytes
 * (the intermediates that many share) are stored once.
 */
#ifndef LIBRARIAN_SEGMENT_H
#define LIBRARIAN_SEGMENT_H

#include <stdint.h>

#include "workers/librarian/build.h"
#include "workers/librarian/certs.h"

struct segment;

struct segment *segment_new(void);
void segment_free(struct segment *s);

/*
 * Copies what c holds, and its chains; source is the file's path. Returns a
 * number for segment_serve(), or -ENOMEM or -EFBIG.
 */
int64_t segment_add(struct segment *s, const struct certs *c, const struct built *chains, const char *source);
const uint8_t *segment_key_id(const struct segment *s, int64_t number);
/* Its names will be found: what is never said so is left out of the names. */
void segment_serve(struct segment *s, int64_t number);

/*
 * Lays it out in a sealed memfd. For a name, certificates that are valid now
 * come first, then the order of adding counts; more than CATALOG_ENTRIES_MAX
 * are dropped. Says in the log when two have the same kind of key. Returns the
 * descriptor, the caller's, or a negative errno; *names and *certificates get
 * the numbers of what is served.
 */
int segment_finish(struct segment *s, uint32_t generation, int64_t now,
	uint32_t *names, uint32_t *certificates);

#endif
