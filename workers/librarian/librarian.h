/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For the librarian's own files alone: main.c has its loop and messages,
 * current.c the round whose catalog is in force, disk.c the cache directory.
 */
#ifndef LIBRARIAN_LIBRARIAN_H
#define LIBRARIAN_LIBRARIAN_H

#include "common/role.h"
#include "workers/librarian/acme.h"
#include "workers/librarian/fetches.h"
#include "workers/librarian/resolve.h"
#include "workers/librarian/round.h"
#include "workers/librarian/saved.h"
#include "workers/librarian/staples.h"

#define ANSWERS_WAITING_MAX 64	/* packets; the channel takes 256 */

struct librarian {
	struct role_self self;
	struct resolver resolver;
	struct fetcher *fetcher;
	struct cache *cache;		/* NULL: nothing is kept */
	struct fetches *fetches;
	struct pool *brought;	/* authorities that came with certificates */
	struct staples *staples;
	struct acme *acme;
	struct round *round;
	struct round *current, *before;	/* the last that ended, and what a discard of it goes back to; or NULL */
	unsigned began_with, built_with;	/* fetches_came() when round was begun and current was built */
	unsigned began_stapled, stapled_with;	/* staples_came(), the same */
	uint64_t rebuild_after_ns;
	bool store_comes;	/* current's, late: until then nothing of it is built anew */
	bool look_for_missing;	/* it is known what current serves, not what it lacks */
	int saved;		/* directory of the cache, owned; -1: there is none */
	struct stock *found;	/* there, when it began; until a round goes on from it */
	struct saved_seen seen;
	bool staples_left;	/* round_want_staples() has not come to an end */
	bool answering;		/* the round has ended, its answers have not all been sent */
	bool ready;
	int signals;
	bool stop;
	int failed;		/* negative errno: it cannot go on */
};

/* main.c */
/* It cannot go on, for a reason that is logged; rc: a negative errno. */
void librarian_fail(struct librarian *l, const char *what, int rc);
void librarian_answer_lost(struct librarian *l, int rc);

/* current.c */
/* A new round, in the place of one that has not ended. */
void current_start(struct librarian *l);
/* The next round goes on from current, which must be of that generation. 0 or -EBADMSG. */
int current_begin(struct librarian *l, uint32_t base);
/* A file for the round, or one of the store that comes late; fd is lent, -1: its text came with the message. 0 or a negative errno. */
int current_on_file(struct librarian *l, const struct msg *m, int fd);
void current_on_store_end(struct librarian *l);
void current_on_certs_end(struct librarian *l, const struct msg_certs_end *m);
void current_adopt(struct librarian *l);
void current_discard(struct librarian *l, uint32_t generation);
void current_rebuild(struct librarian *l);
void current_want_staples(struct librarian *l);

/* disk.c */
/* Reads what is there, if there is a cache, and says so. */
void disk_open(struct librarian *l);
/* What is in force goes there, or on from there (or from what came with the message); descriptors are lent. */
void disk_save(struct librarian *l, const struct msg_save *m, struct packet *p);
void disk_go_on(struct librarian *l, uint32_t generation, const struct packet *p);

#endif
