/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/fetches.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "workers/librarian/answer.h"
#include "workers/librarian/retry.h"

#define AGAIN_S 86400		/* what has come and is wanted all the same is asked for again */

struct entry {
	struct record rec;
	struct chain_cert *of;		/* whose issuer it should have; NULL: of nobody now */
	bool wanted, running, changed;
};

struct fetches {
	struct fetcher *fetcher;
	struct cache *cache;		/* NULL: nothing is kept */
	struct pool *pool;
	struct entry *all[FETCHES_MAX];
	size_t n;
	unsigned came;
	int running;
	bool begun, on, full_told;
};

static struct entry *find(struct fetches *f, const char *url)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->all[i]->rec.url, url) == 0)
			return f->all[i];
	return NULL;
}

static struct entry *new_entry(struct fetches *f)
{
	struct entry *e = f->n < FETCHES_MAX ? calloc(1, sizeof *e) : NULL;

	if (e)
		f->all[f->n++] = e;
	return e;
}

/* Nobody needs it now; of these one that holds nothing goes first, then the one tried longest ago. */
static bool goes_before(const struct entry *e, const struct entry *other)
{
	bool empty = e->rec.body.size == 0;

	if (e->wanted || e->running || e->changed)
		return false;
	if (!other || empty != (other->rec.body.size == 0))
		return !other || empty;
	return e->rec.tried < other->rec.tried;
}

/* Makes room in the table and in the cache; what was fetched stays in the pool. NULL: all are needed. */
static struct entry *reuse_entry(struct fetches *f)
{
	struct entry *e = NULL;

	for (size_t i = 0; i < f->n; i++)
		if (goes_before(f->all[i], e))
			e = f->all[i];
	if (!e)
		return NULL;
	if (f->cache)
		cache_remove(f->cache, e->rec.kind, e->rec.id);
	record_clear(&e->rec);
	*e = (struct entry){ .of = NULL };
	return e;
}

static struct entry *get(struct fetches *f, const char *url)
{
	struct entry *e = find(f, url);

	if (e)
		return e;
	e = f->n < FETCHES_MAX ? new_entry(f) : reuse_entry(f);
	if (e) {
		e->rec.kind = RECORD_AIA;
		snprintf(e->rec.id, sizeof e->rec.id, "%s", url);
		snprintf(e->rec.url, sizeof e->rec.url, "%s", url);
	} else if (!f->full_told) {
		f->full_told = true;
		log_warning("more than %d URLs of missing certificates; the rest is not fetched", FETCHES_MAX);
	}
	return e;
}

/* ---- the cache ---- */

void fetches_on_record(struct fetches *f, const struct record *r)
{
	struct entry *e = r->kind == RECORD_AIA && !find(f, r->url) ? new_entry(f) : NULL;

	if (!e)
		return;
	e->rec = *r;
	e->rec.body = (struct bytes){ 0 };
	if (r->body.size == 0 || record_set_body(&e->rec, r->body.data, r->body.size) < 0) {
		e->rec.fetched = 0;
		return;
	}
	struct chain_cert *c = chain_cert_new(r->body.data, r->body.size);
	if (c)
		pool_add(f->pool, c);
	chain_cert_unref(c);
}

void fetches_begin(struct fetches *f, struct cache *cache)
{
	f->begun = true;
	f->cache = cache;
}

/* ---- what is wanted ---- */

/* The next of its URLs is for when those before have failed. */
static void want(struct fetches *f, struct chain_cert *of)
{
	char url[CATALOG_TEXT_MAX + 1];

	for (int i = 0; i < CERT_URLS_MAX && chain_cert_url(of, i, url, sizeof url); i++) {
		struct entry *e = get(f, url);
		if (!e)
			return;
		e->wanted = true;
		e->changed = true;
		if (!e->running) {
			struct chain_cert *was = e->of;
			e->of = chain_cert_ref(of);
			chain_cert_unref(was);
		}
		if (e->rec.failures == 0)
			return;
	}
}

/* ---- what comes ---- */

static void failed(struct entry *e, const char *why, int64_t now)
{
	struct log_line l;

	e->rec.failures++;
	e->rec.next = now + retry_after_s(e->rec.failures);
	retry_error(why, e->rec.error, sizeof e->rec.error);
	log_begin(&l, LOG_LEVEL_WARNING, "a missing certificate could not be fetched");
	log_str(&l, "url", e->rec.url);
	log_str(&l, "error", e->rec.error);
	log_str(&l, "missing", chain_cert_issuer_name(e->of));
	log_u64(&l, "failures", e->rec.failures);
	log_u64(&l, "next_try_s", (uint64_t)(e->rec.next - now));
	log_end(&l);
}

static void succeeded(struct fetches *f, struct entry *e, struct chain_cert *c, int64_t now)
{
	struct log_line l;

	e->rec.fetched = now;
	e->rec.next = now + AGAIN_S;
	e->rec.failures = 0;
	e->rec.error[0] = '\0';
	f->came++;
	log_begin(&l, LOG_LEVEL_INFO, "a missing certificate was fetched");
	log_str(&l, "url", e->rec.url);
	log_str(&l, "name", chain_cert_name(c));
	log_end(&l);
}

/* Returns why not, or "". */
static const char *take(struct fetches *f, struct entry *e, const struct fetch_answer *a, int64_t now)
{
	const char *why = a->error;
	struct chain_cert *c = *why ? NULL : answer_issuer(e->of, a->body, a->size, &why);

	if (!c)
		return why;
	if (now > c->not_after)
		why = "the certificate in the answer has expired";
	else if (c->der.size > RECORD_BODY_MAX)
		why = "the certificate in the answer is too large";
	else if (pool_add(f->pool, c) < 0 || record_set_body(&e->rec, c->der.data, c->der.size) < 0)
		why = "there is no room for the certificate";
	else
		succeeded(f, e, c, now);
	chain_cert_unref(c);
	return why;
}

static void release(struct entry *e)
{
	if (e->wanted || e->running)
		return;
	chain_cert_unref(e->of);
	e->of = NULL;
}

static void on_done(void *data, uint64_t ticket, const struct fetch_answer *a)
{
	struct fetches *f = data;
	struct entry *e = f->all[ticket];
	int64_t now = time(NULL);

	f->running--;
	e->running = false;
	e->changed = true;
	e->rec.tried = now;
	const char *why = take(f, e, a, now);
	if (*why)
		failed(e, why, now);
	if (*why && e->wanted)
		want(f, e->of);
	cache_keep(f->cache, &e->rec);
	release(e);
}

/* ---- what is due ---- */

void fetches_want(struct fetches *f, const struct links *missing, bool on)
{
	f->on = on;
	for (size_t i = 0; i < f->n; i++) {
		f->all[i]->changed |= f->all[i]->wanted;
		f->all[i]->wanted = false;
	}
	for (size_t i = 0; on && i < missing->n; i++)
		want(f, missing->list[i]);
	for (size_t i = 0; i < f->n; i++)
		release(f->all[i]);
}

void fetches_now(struct fetches *f, const char *url)
{
	struct entry *e = find(f, url);

	if (e && e->wanted)
		e->rec.next = 0;
}

/* A next try that lies further off than any is from a clock that was wrong. */
static bool is_due(const struct entry *e, int64_t now)
{
	return e->wanted && !e->running && (now >= e->rec.next || e->rec.next > now + 2 * AGAIN_S);
}

static void start_due(struct fetches *f, int64_t now)
{
	for (size_t i = 0; i < f->n && f->running < FETCH_SHARE && fetch_room(f->fetcher); i++) {
		struct entry *e = f->all[i];
		if (!is_due(e, now))
			continue;
		struct fetch_request q = { .url = e->rec.url, .done = on_done, .data = f, .ticket = i };
		e->running = e->changed = true;
		f->running++;
		fetch(f->fetcher, &q);
	}
}

/* ---- from outside ---- */

struct fetches *fetches_new(struct fetcher *fetcher)
{
	struct fetches *f = calloc(1, sizeof *f);

	if (!f)
		return NULL;
	f->fetcher = fetcher;
	f->pool = pool_new();
	if (f->pool)
		return f;
	fetches_free(f);
	return NULL;
}

void fetches_free(struct fetches *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++) {
		chain_cert_unref(f->all[i]->of);
		record_clear(&f->all[i]->rec);
		free(f->all[i]);
	}
	pool_unref(f->pool);
	free(f);
}

struct pool *fetches_pool(struct fetches *f)
{
	return f->pool;
}

unsigned fetches_came(const struct fetches *f)
{
	return f->came;
}

void fetches_start(struct fetches *f)
{
	if (f->begun && f->on)
		start_due(f, time(NULL));
}

static int tell(const struct entry *e, struct channel *ch)
{
	const struct record *r = &e->rec;
	struct msg m = { .type = MSG_FETCH_STATE, .fetch_state = { .url = r->url, .error = r->error,
		.tried = (uint64_t)r->tried, .next = (uint64_t)r->next, .failures = r->failures,
		.wanted = e->wanted, .running = e->running } };

	return msg_send(ch, &m, NULL, 0);
}

int fetches_tell(struct fetches *f, struct channel *ch, int limit)
{
	int rc = 0;

	for (size_t i = 0; i < f->n && rc == 0 && channel_pending(ch) < limit; i++) {
		if (!f->all[i]->changed)
			continue;
		rc = tell(f->all[i], ch);
		f->all[i]->changed = rc < 0;
	}
	return rc;
}
