/* SPDX-License-Identifier: BSD-2-Clause */
/* What the librarian has said about fetching missing certificates: a row for each URL. */
#ifndef SUPERVISOR_FETCHES_H
#define SUPERVISOR_FETCHES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"

#define FETCHES_SHOWN_MAX 4096	/* what is beyond is not shown */

struct fetch_row {
	char *url, *error;
	uint64_t tried, next;		/* Unix seconds; 0: none */
	uint32_t failures;
	bool running;
};

struct fetches {
	struct fetch_row *rows;
	size_t n;
};

void fetches_on_state(struct fetches *f, const struct msg_fetch_state *m);
void fetches_clear(struct fetches *f);
const struct fetch_row *fetches_find(const struct fetches *f, const char *url);
/* The row of the order for a name; NULL: none is known. */
const struct fetch_row *fetches_find_order(const struct fetches *f, const char *name);
/* The name, if the row is of an order; else NULL. */
const char *fetch_row_name(const struct fetch_row *r);
/* How many there are of orders, or of fetches, that run, and whose last try has failed. */
struct fetch_counts { unsigned wanted, running, failing; };
struct fetch_counts fetches_count(const struct fetches *f, bool orders);
/* Of a URL, for control; null if nothing is known of it. */
json_t *fetches_view(const struct fetches *f, const char *url);
json_t *fetch_row_view(const struct fetch_row *r);	/* NULL: null */

#endif
