/* SPDX-License-Identifier: BSD-2-Clause */
/* For the files of acme alone: acme.c has the names and what serves, acme_orders.c the orders. */
#ifndef LIBRARIAN_ACME_INSIDE_H
#define LIBRARIAN_ACME_INSIDE_H

#include "common/hostset.h"
#include "workers/librarian/acme.h"
#include "workers/librarian/acme_files.h"
#include "workers/librarian/acme_names.h"
#include "workers/librarian/certs.h"
#include "workers/librarian/order.h"

#define PER_HOUR_MAX 1000

struct settings {
	bool on, on_demand;
	enum acme_challenge challenge;
	uint32_t timeout_ms, per_hour;
	char directory[1025], contact[256], webroot[MSG_PATH_MAX + 1];
};

/* Ids of keys that the keeper has; sorted once they are known. */
struct key_ids {
	uint8_t *list;
	size_t n;
	bool known;
};

struct acme {
	struct channel *ch;		/* to the supervisor; lent */
	struct channel runner;
	pid_t runner_pid;
	struct settings settings;
	int hook;			/* the program; owned; -1: none yet */
	struct hostset *lists[ACME_LISTS];	/* or NULL */
	struct acme_files files;
	bool files_good;
	struct acme_names names;
	struct key_ids keys, coming;	/* those that are there, and those that are being told */
	struct order orders[RUNNER_ORDERS_MAX];
	uint32_t ids, challenges;	/* the last order's id; generation of the challenges */
	int64_t begun[PER_HOUR_MAX];	/* when orders were; a ring */
	size_t begun_at;
	int64_t looked;			/* for what is due */
	bool serve_anew, sent;		/* certificates have changed; the supervisor has a segment, or waits for it */
	bool listed;			/* the lists have all come: until then all that is there serves */
	bool settled;			/* so have the settings that belong to them: before that nothing is ordered */
	bool put_told;			/* a warning that records cannot be written */
	int failed;			/* negative errno */
};

/* acme.c */
/* Of keys that are there, KEY_ID_BYTES each; 0 or a negative errno. Sorted before any is looked for. */
int acme_add_key_ids(struct key_ids *k, struct bytes ids);
void acme_sort_key_ids(struct key_ids *k);
/* The name has that certificate (PEM) from now on. Returns why it cannot serve, or ""; c is to be cleared. */
const char *acme_take_certificate(struct acme_name *name, const char *text, size_t size, struct certs *c);
/* Counts an order of that time, for the limit of an hour. */
void acme_note_begun(struct acme *a, int64_t when);
/* Writes down what came of the last try. */
void acme_keep_record(struct acme *a, struct acme_name *name);

/* acme_orders.c */
/* Asks for it; o is free. */
void acme_begin_order(struct acme *a, struct order *o, struct acme_name *name, int64_t now);
/* Goes on with what has happened, or ends it by its deadline. */
void acme_order_turn(struct acme *a, struct order *o, uint64_t now_ns);
void acme_on_result(struct acme *a, const struct runner_result *r);

#endif
