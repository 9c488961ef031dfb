/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/librarian.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/log.h"

#define REBUILD_SHARE 4		/* chains are built anew at most a quarter of the time */

void current_start(struct librarian *l)
{
	round_free(l->round);
	l->round = round_new(fetches_pool(l->fetches), l->brought, l->staples);
	l->answering = false;
	l->began_with = fetches_came(l->fetches);
	l->began_stapled = staples_came(l->staples);
	if (!l->round)
		librarian_fail(l, "no round of certificates", -ENOMEM);
}

/* Those of current, and of what was ordered. */
void current_want_staples(struct librarian *l)
{
	round_begin_staples(l->current);
	l->staples_left = !round_want_staples(l->current, time(NULL));
	acme_want_staples(l->acme, l->staples);
	staples_want_end(l->staples);
}

/* What current lacks is wanted. */
static void want_missing(struct librarian *l)
{
	if (l->store_comes)
		return;
	fetcher_limits(l->fetcher, round_limits(l->current));
	fetches_want(l->fetches, round_missing(l->current), round_fetches(l->current));
	current_want_staples(l);
}

/* The round that has been answered is current, until it is discarded or the next one is. */
void current_adopt(struct librarian *l)
{
	round_free(l->before);
	stock_unref(l->found);
	l->found = NULL;
	l->before = l->current;
	l->current = l->round;
	l->round = NULL;
	l->built_with = l->began_with;	/* a link or a staple may have come while its files were read */
	l->stapled_with = l->began_stapled;
	want_missing(l);
	acme_review(l->acme);
	current_start(l);
}

/* The supervisor goes on with the catalog of the round before. */
void current_discard(struct librarian *l, uint32_t generation)
{
	if (l->current && l->before && round_generation(l->current) == generation) {
		round_free(l->current);
		l->current = l->before;
		l->before = NULL;
		l->built_with = fetches_came(l->fetches) - 1;
		l->stapled_with = staples_came(l->staples) - 1;
		want_missing(l);
	}
	current_start(l);
}

/* A link or a staple has come: what was built without it is built anew, and the catalog sent. */
void current_rebuild(struct librarian *l)
{
	uint64_t begun = ledger_now_ns();
	bool links = l->current && round_fetches(l->current) && l->built_with != fetches_came(l->fetches);
	bool staples = l->current && l->stapled_with != staples_came(l->staples);

	if ((!links && !staples) || l->store_comes || l->answering ||
	    begun < l->rebuild_after_ns || channel_pending(&l->self.channel) >= ANSWERS_WAITING_MAX)
		return;
	ledger_doing(&l->self.ledger, DOING_LOAD, UINT32_MAX);
	enum rebuild what = !links ? REBUILD_STAPLES : l->look_for_missing ? REBUILD_FETCHABLE : REBUILD_LINKS;
	int rc = round_rebuild(l->current, what, &l->self.channel, time(NULL));
	l->look_for_missing &= !links;
	l->built_with = fetches_came(l->fetches);
	l->stapled_with = staples_came(l->staples);
	acme_review(l->acme);
	if (rc < 0)
		librarian_fail(l, "the catalog cannot be made anew", rc);
	want_missing(l);
	uint64_t now = ledger_now_ns();
	l->rebuild_after_ns = now + REBUILD_SHARE * (now - begun);
}

static int on_late_store(struct librarian *l, int fd)
{
	return l->current ? round_store_file(l->current, fd) : 0;
}

int current_on_file(struct librarian *l, const struct msg *m, int fd)
{
	const struct msg_cert_file_req *q = &m->cert_file_req;

	if (fd < 0 && (q->store || q->text.size == 0))
		return -EBADMSG;
	return q->store == STORE_LATE ? on_late_store(l, fd) : round_file(l->round, m->id, fd, q, time(NULL));
}

/* What is not whole is looked at again, with all sources. */
void current_on_store_end(struct librarian *l)
{
	l->store_comes = false;
	l->look_for_missing = true;
	acme_review(l->acme);
	l->built_with = fetches_came(l->fetches) - 1;
	l->stapled_with = staples_came(l->staples) - 1;
	if (l->current && !round_fetches(l->current))
		want_missing(l);
}

void current_on_certs_end(struct librarian *l, const struct msg_certs_end *m)
{
	int rc = round_end(l->round, l->current, m->generation, time(NULL));

	if (rc < 0) {
		librarian_fail(l, "the catalog cannot be made", rc);
		return;
	}
	ledger_set(&l->self.ledger.head->gauges[GAUGE_CATALOG_GENERATION], m->generation);
	l->answering = true;
}

int current_begin(struct librarian *l, uint32_t base)
{
	if (l->current && round_generation(l->current) == base) {
		round_go_on(l->round, l->current);
		return 0;
	}
	log_error("the certificates of generation %u are not known here", base);
	return -EBADMSG;
}
