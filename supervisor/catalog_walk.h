/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages of what is in the catalog, for methods of the control socket. The
 * catalog is mapped when it is first asked for, and walked a bounded number of
 * slots in one call, so a page may be short, or empty, and still have a next
 * one.
 */
#ifndef SUPERVISOR_CATALOG_WALK_H
#define SUPERVISOR_CATALOG_WALK_H

#include <jansson.h>

#include "common/catalog.h"
#include "supervisor/methods.h"

#define WALK_LIMIT_DEFAULT 100
#define WALK_LIMIT_MAX 500

struct hosts;

struct catalog_walk {
	const struct catalog *catalog;
	/* What is told of a name in that pass; NULL: nothing. */
	json_t *(*view)(const struct catalog_walk *w, const char *name, const struct catalog_found *f);
	const void *data;		/* for view */
	int passes;			/* how often all is gone through; 0 is once */

	/* Where it goes on. */
	int pass, segment;
	uint32_t slot;
	size_t limit, looked_at, bytes;
	json_t *list;
};

/* The catalog that workers have; NULL: there is none, or it cannot be mapped. */
const struct catalog *catalog_mapped(struct supervisor *s);
/* The same for a method; NULL: there is none, and call has the error. */
const struct catalog *catalog_current(struct call *call);
/*
 * One page as the parameters "limit" and "after" want it, under that name in
 * an object, with "next" if there is more. NULL: call has the error.
 */
json_t *catalog_walk_page(struct call *call, struct catalog_walk *w, const char *name);

#endif
