/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Certificates that end soon: the catalog is gone through, a few names at a
 * time, when it has changed and once an hour, so that somebody is told before
 * clients are.
 */
#ifndef SUPERVISOR_EXPIRING_H
#define SUPERVISOR_EXPIRING_H

#include <jansson.h>
#include <stdint.h>

#include "common/names.h"

struct supervisor;
struct expiring;

struct expiring_counts {
	unsigned certificates;		/* that end soon, or have ended */
	int64_t first_end;		/* Unix seconds, when the first of all certificates ends; 0: there is none */
	char name[NAME_BYTES];		/* the first name of that one */
};

/* NULL: out of memory. It looks when there is a catalog. */
struct expiring *expiring_new(struct supervisor *s);
/* Takes NULL. */
void expiring_free(struct expiring *e);

/*
 * Soon: within 14 days, and in the last quarter of its time, in which one that
 * is renewed is not seen.
 */
int64_t expiring_from(int64_t not_before, int64_t not_after);

/* What the last look found; zeros before the first has ended. */
const struct expiring_counts *expiring_known(const struct expiring *e);
/* {"certificates", "first": {"name", "not_after"}}; first is null if there is none. */
json_t *expiring_view(const struct expiring *e);

#endif
