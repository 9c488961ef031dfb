/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds a catalog segment (common/catalog.h). Certificates are added as their
 * files are read; which of them are served is decided at the end. Equal bytes
 * (the intermediates that many share) are stored once.
 */
#ifndef LIBRARIAN_SEGMENT_H
#define LIBRARIAN_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "plugins/chain/cert.h"
#include "workers/librarian/build.h"
#include "workers/librarian/certs.h"

struct segment;

/* What a certificate that names a responder or must have a staple is served with. */
struct segment_staple {
	const uint8_t *cert_id;		/* CERT_ID_BYTES */
	const char *url;		/* of the responder, or "" */
	bool must;
	int64_t from, until;		/* Unix seconds */
	struct bytes der;		/* at most CATALOG_STAPLE_MAX; size 0: there is none */
};

struct segment *segment_new(void);
void segment_free(struct segment *s);

/*
 * Copies what c holds, its chains and what is told of its staple (NULL: none
 * is wanted); source is the file's path. Returns a number for segment_serve(),
 * or -ENOMEM or -EFBIG.
 */
int64_t segment_add(struct segment *s, const struct certs *c, const struct built *chains,
	const struct segment_staple *staple, const char *source);
/*
 * Copies a certificate that lies in another segment, and serves it: with its
 * chains, its staple (or another, if that is not NULL), and none of its names.
 */
int64_t segment_copy(struct segment *s, const struct catalog_segment *from, const struct catalog_entry *e,
	const struct segment_staple *staple);
/* That one is served under that name. 0, -ENOMEM or -EFBIG. */
int segment_claim(struct segment *s, const char *name, int64_t number);
/* What older segments have for the name is hidden, if nobody here claims it. 0, -ENOMEM or -EFBIG. */
int segment_hide(struct segment *s, const char *name);
/* Where a certificate comes from: what is needed to make the next segment of this one. Lent. */
struct segment_origin {
	uint32_t file, place;		/* as in struct catalog_entry */
	const char *const *names;
	uint32_t names_n;
	struct chain_cert *const *others;
	int others_n;
};
/* Said once of each, unless the segment is the only one ever. 0, -ENOMEM or -EFBIG. */
int segment_origin(struct segment *s, int64_t number, const struct segment_origin *o);
/* What an entry has, as it was given to segment_add(); lent by the segment. False: it wants no staple. */
void segment_built_of(const struct catalog_segment *from, const struct catalog_entry *e, struct built *to);
bool segment_staple_of(const struct catalog_segment *from, const struct catalog_entry *e, struct segment_staple *to);

const uint8_t *segment_key_id(const struct segment *s, int64_t number);
/* Its names will be found: what is never said so is left out of the names. */
void segment_serve(struct segment *s, int64_t number);

/*
 * Lays it out in a sealed memfd. For a name, certificates that are valid now
 * come first, then their places count, then the names of their files, then the
 * order of adding; more than CATALOG_ENTRIES_MAX
 * are dropped. Says in the log when two have the same kind of key. Returns the
 * descriptor, the caller's, or a negative errno; *names and *certificates get
 * the numbers of what is served.
 */
int segment_finish(struct segment *s, uint32_t generation, int64_t now,
	uint32_t *names, uint32_t *certificates);
/* After that: where its entry lies in the segment. */
uint32_t segment_entry_at(const struct segment *s, int64_t number);

#endif
