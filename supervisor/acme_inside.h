/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of acme.h, for acme*.c alone. */
#ifndef SUPERVISOR_ACME_INSIDE_H
#define SUPERVISOR_ACME_INSIDE_H

#include "common/hostset.h"
#include "supervisor/acme.h"
#include "supervisor/policy_follow.h"
#include "supervisor/supervisor.h"

#define QUESTIONS_MAX 8		/* orders that are asked about; the librarian has fewer */

/* The lists of one configuration. */
struct acme_lists {
	int names;			/* a sealed host set; -1: none */
	uint32_t names_n;
	struct policy_data *hosts;	/* with one set; NULL: none */
};

/* An order that the librarian asks about. */
struct question {
	uint32_t id;			/* of what we ask for it; 0: free */
	uint32_t order;			/* the librarian's id */
	enum msg_type waits_for;	/* MSG_ALLOW_ANS, MSG_OPEN_ANS or MSG_CSR_ANS */
	char name[ACME_NAME_MAX + 1];
};

struct acme {
	struct supervisor *s;
	const struct acme_ops *ops;
	struct acme_lists now, next;
	bool preparing, stopped, started;
	bool listed, served;	/* at the start: the lists are made; the librarian has told what it has */
	struct set_maker maker;
	struct policy_follow follow;

	/* acme_keys.c */
	struct opener loader;		/* of the folder of keys */
	bool loading, again, loaded;	/* keys are being read; they are to be read anew after that; all have been */
	uint8_t *ids;			/* owned; of the keys that the keeper has */
	size_t ids_n;

	/* acme_orders.c */
	struct question questions[QUESTIONS_MAX];
	struct opener opener;
	int challenges;			/* the segment; -1: none */
	uint32_t generation;		/* of the challenges */
	uint32_t acknowledged[WORKERS_MAX];	/* by place */
	bool awaited;			/* the librarian waits until workers have them */
	ev_timer patience;		/* with workers that do not say so */
};

/* acme.c: the librarian has told for the first time what serves. */
void acme_on_served(struct acme *a);

/* acme_keys.c */
void acme_keys_init(struct acme *a);
void acme_keys_clear(struct acme *a);
/* Reads the keys that were made in runs before, for the keeper. */
void acme_load_keys(struct acme *a);
void acme_on_own_key(struct acme *a, const struct msg *m);
void acme_keys_keeper_down(struct acme *a);
/* To a librarian. */
void acme_send_key_ids(struct acme *a);

/* acme_orders.c */
void acme_orders_init(struct acme *a);
void acme_orders_clear(struct acme *a);
void acme_send_challenges(struct acme *a, struct child *worker);
/* A worker is gone, or the patience: who still has to say so? */
void acme_look_at_challenges(struct acme *a);

#endif
