/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OCSP responders: how many asks run, and the wait of one that is down, which
 * all certificates that name it share.
 */
#ifndef LIBRARIAN_RESPONDER_H
#define LIBRARIAN_RESPONDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESPONDER_AT_ONCE 4
#define RESPONDER_WAIT_MAX_S 600

struct responder {
	char *url;
	uint32_t failures;	/* in a row: no answer at all, or not HTTP 200 */
	int64_t next;		/* Unix seconds: is left alone until then */
	int running;
};

struct responders {
	struct responder **list;
	size_t n;
};

/* The one with that URL, made if there is none; stays until all are cleared. NULL: out of memory. */
struct responder *responder_get(struct responders *all, const char *url);
void responders_clear(struct responders *all);

/* Whether it may be asked; one that is down by one certificate at a time. */
bool responder_is_free(const struct responder *r, int64_t now);
void responder_asked(struct responder *r);
/* What came of it. True: it had been down and is back. */
bool responder_done(struct responder *r, bool answered, int64_t now);

#endif
