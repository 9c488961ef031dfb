/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker makes room for another without a gap: the successor starts in a
 * place of its own, and when it is ready the old one drains and leaves its
 * place vacant. So no two workers have a number, and no two connections an id,
 * at the same time.
 */
#ifndef SUPERVISOR_SUCCESSION_H
#define SUPERVISOR_SUCCESSION_H

#include <stdint.h>

struct child;
struct supervisor;

/*
 * How it ended. error NULL: the successor is ready and old drains (or is
 * it). Otherwise a sentence: the successor is given up, and old goes on.
 */
struct succession_result {
	struct child *old, *successor;
	const char *error;
	uint64_t data;			/* as given to succession_begin() */
};

struct succession {
	struct child *old;		/* NULL: none is under way */
	void (*done)(struct supervisor *s, const struct succession_result *r);
	uint64_t data;
};

/*
 * Starts a successor of a worker; done (may be NULL) is called once, later.
 * old may be of any state: one that is down is its own successor.
 * Returns the successor, or NULL with errno EALREADY (it has a successor on
 * the way), ENOSPC (all places are in use) or ESHUTDOWN (tlsward stops).
 */
struct child *succession_begin(struct supervisor *s, struct child *old,
	void (*done)(struct supervisor *s, const struct succession_result *r), uint64_t data);

/* From the workers. */
void succession_ready(struct supervisor *s, struct child *successor);
void succession_down(struct supervisor *s, struct child *c);

#endif
