/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a round, for round*.c alone. */
#ifndef LIBRARIAN_ROUND_INSIDE_H
#define LIBRARIAN_ROUND_INSIDE_H

#include "common/numbers.h"
#include "workers/librarian/certs.h"
#include "workers/librarian/round.h"
#include "workers/librarian/sources.h"

struct file {
	uint32_t id, number_given, place;
	uint16_t names;
	int64_t number;			/* in the change; -1: not there */
	int64_t until;			/* when there will be more to say of it */
	char *subject;			/* "PATH (WHERE)" */
	char *key_path;			/* "" if none was named */
	char *error, *warning;		/* NULL: none */
};

struct round {
	struct change *change;		/* until it ends */
	bool goes_on;			/* from what the current one serves then */
	struct numbers gone;		/* files of that */
	bool store_came, new_store;	/* with it came a store; its chains were built with another */
	struct stock *stock;		/* from then on */
	struct pool *brought;
	struct chain_order order;
	struct sources sources;
	struct file *files;
	size_t n, cap;
	uint8_t *key_ids;
	size_t key_ids_n;
	struct fetch_limits limits;
	struct links missing;
	struct staples *staples;
	bool staple;			/* they are fetched */
	uint32_t staple_timeout_ms;
	/* Answering. */
	size_t answered;
	uint32_t generation;
};

/* The chains of a certificate of what the round's sources have. */
void round_build(const struct round *r, const struct certs *c, int64_t now, struct built *out);

/* round_again.c: what is served already is looked at anew. */
/* What its chain lacks is to be had from somewhere, so it belongs to what is missing. */
bool round_may_be_fetched(const struct stocked *s, int64_t now);
/* Number i of the stock that c changes; 0 or a negative errno. */
int round_build_again(struct round *r, struct change *c, const struct stocked *s, size_t i, int64_t now);

#endif
