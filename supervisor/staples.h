/* SPDX-License-Identifier: BSD-2-Clause */
/* What the librarian has said about staples: a row for each certificate that wants one. */
#ifndef SUPERVISOR_STAPLES_H
#define SUPERVISOR_STAPLES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/catalog.h"
#include "common/idmap.h"
#include "common/msg.h"
#include "common/staples.h"

struct control;

struct staple_row {
	uint8_t cert_id[CERT_ID_BYTES];
	char *name, *url, *error;
	enum staple_state state;
	uint64_t from, until, tried, next;	/* Unix seconds; 0: none */
	uint32_t failures;
	bool must, running;
};

struct staples {
	struct idmap rows;
	unsigned counts[STAPLE_STATE_COUNT];
};

/* Those who follow events are told what became bad, and what is good again. */
void staples_on_state(struct staples *s, const struct msg_staple_state *m, struct control *control);
void staples_clear(struct staples *s);
const struct staple_row *staples_find(const struct staples *s, const uint8_t cert_id[CERT_ID_BYTES]);
/* Whether a certificate has that responder. */
bool staples_know_url(const struct staples *s, const char *url);

/* How many there are in each state, by its name. */
json_t *staples_counts(const struct staples *s);
/*
 * Of a certificate of the catalog: null if no staple is wanted. What the
 * catalog has is what clients are served.
 */
json_t *staples_view(const struct staples *s, const struct catalog_segment *segment, const struct catalog_entry *e, int64_t now);

#endif
