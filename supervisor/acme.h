/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACME, as far as it is the supervisor's: which names certificates are ordered
 * for (of the configuration, and of a host set's file, which is followed), and
 * the way of what librarian, advisor, opener, keeper and workers say to each
 * other about it. When to order is the librarian's.
 */
#ifndef SUPERVISOR_ACME_H
#define SUPERVISOR_ACME_H

#include "supervisor/child.h"
#include "supervisor/conf.h"

struct acme;

struct acme_ops {
	/* Something is wrong: a sentence that names file and line. */
	void (*on_error)(struct supervisor *s, const char *text);
	/* What was prepared is ready (if errors is 0): commit or discard it. */
	void (*on_prepared)(struct supervisor *s, unsigned errors);
};

struct acme *acme_new(struct supervisor *s, const struct acme_ops *ops);
void acme_free(struct acme *a);
/* No more orders, no more following. */
void acme_stop(struct acme *a);

/*
 * Makes the lists of that configuration, which needs to live for this call
 * alone; answered by on_prepared, for the first time when all that was ordered
 * before serves.
 */
void acme_prepare(struct acme *a, const struct conf *conf);
/* s->conf is the new one: everybody is told. */
void acme_commit(struct acme *a);
void acme_discard(struct acme *a);

/* All workers serve: orders may begin. */
void acme_start(struct acme *a);
/* A new process of any role gets what it needs of it. */
void acme_introduce(struct acme *a, struct child *c);
/* From librarian, keeper, advisor and workers; false: it is about something else. */
bool acme_on_message(struct acme *a, struct child *c, const struct msg *m, struct packet *p);
/* The librarian has made a host set, or could not; false: it is another's. */
bool acme_on_set_ans(struct acme *a, const struct msg *m, struct packet *p);
void acme_on_down(struct acme *a, struct child *c);

/* Whether certificates are ordered for that name, as the lists are now. */
bool acme_is_listed(const struct acme *a, const char *name);

#endif
