/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/staples.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/idmap.h"
#include "common/log.h"
#include "workers/librarian/stapled.h"

#define TYPE "application/ocsp-request"	/* RFC 6960 A.1 */
#define LINES_MAX 20		/* of one kind in one look at all */
#define DROPPED_MAX 64		/* in one look */

struct staples {
	struct fetcher *fetcher;
	struct cache *cache;
	struct idmap all;		/* struct stapled */
	struct responders responders;
	struct chain_cert **issuers;	/* each once, for all that they have issued */
	size_t issuers_n;
	char url[CATALOG_TEXT_MAX + 1];	/* of who was looked at last */
	uint32_t timeout_ms;
	int running;
	unsigned came;
	bool begun, on, dirty, full_told;
	int64_t looked_at;		/* all of them, Unix seconds */
};

struct staples *staples_new(struct fetcher *fetcher)
{
	struct staples *s = calloc(1, sizeof *s);

	if (s)
		s->fetcher = fetcher;
	return s;
}

void staples_free(struct staples *s)
{
	struct stapled *e;
	size_t at = 0;

	if (!s)
		return;
	while ((e = idmap_next(&s->all, &at)) != NULL)
		stapled_free(e);
	idmap_clear(&s->all);
	responders_clear(&s->responders);
	for (size_t i = 0; i < s->issuers_n; i++)
		chain_cert_unref(s->issuers[i]);
	free(s->issuers);
	free(s);
}

/* ---- the table ---- */

static void drop(struct staples *s, struct stapled *e)
{
	struct record r;

	if (s->cache && stapled_to_record(e, &r))
		cache_remove(s->cache, r.kind, r.id);
	idmap_remove(&s->all, e->id);
	stapled_free(e);
}

/* One that the cache has brought and nobody has looked at since makes room. */
static bool make_room(struct staples *s)
{
	struct stapled *e;
	size_t at = 0;

	while ((e = idmap_next(&s->all, &at)) != NULL) {
		if (e->name)
			continue;
		drop(s, e);
		return true;
	}
	if (!s->full_told)
		log_warning("more than %d certificates with staples; the rest is served without", STAPLES_MAX);
	s->full_told = true;
	return false;
}

static struct stapled *get(struct staples *s, const uint8_t id[CERT_ID_BYTES])
{
	struct stapled *e = idmap_get(&s->all, id);

	if (e || (s->all.n >= STAPLES_MAX && !make_room(s)))
		return e;
	e = stapled_new(id);
	if (e && idmap_add(&s->all, e->id, e) == 0)
		return e;
	stapled_free(e);
	return NULL;
}

/* A reference to one that is the same. */
static struct chain_cert *share_issuer(struct staples *s, struct chain_cert *issuer)
{
	for (size_t i = 0; i < s->issuers_n; i++)
		if (chain_cert_same(s->issuers[i], issuer))
			return chain_cert_ref(s->issuers[i]);
	struct chain_cert **list = reallocarray(s->issuers, s->issuers_n + 1, sizeof *list);
	if (list) {
		s->issuers = list;
		list[s->issuers_n++] = chain_cert_ref(issuer);
	}
	return chain_cert_ref(issuer);
}

void staples_on_record(struct staples *s, const struct record *r)
{
	uint8_t id[CERT_ID_BYTES];
	struct stapled *e = NULL;

	if (!stapled_record_id(r, id) || idmap_get(&s->all, id) || !(e = get(s, id)))
		return;
	e->responder = responder_get(&s->responders, r->url);
	if (!e->responder || !stapled_from_record(e, r))
		drop(s, e);
}

void staples_begin(struct staples *s, struct cache *cache)
{
	s->begun = true;
	s->cache = cache;
}

/* ---- what catalogs are made with, and what is wanted for them ---- */

static void look(struct staples *s, struct stapled *e, struct chain_cert *cert, struct chain_cert *issuer, const char *name, int64_t now)
{
	if (!e->name)
		e->name = strdup(name);
	e->must = chain_cert_must_staple(cert);
	e->responder = *s->url ? responder_get(&s->responders, s->url) : NULL;
	if (issuer && (!e->issuer || !chain_cert_same(e->issuer, issuer)))
		stapled_set_issuer(e, cert, share_issuer(s, issuer), now);
}

static void serve(const struct stapled *e, bool on, int64_t now, struct segment_staple *out)
{
	bool holds = on && stapled_holds(e, now);

	out->der = holds ? e->der : (struct bytes){ 0 };
	out->from = holds ? e->said.from : 0;
	out->until = holds ? e->said.until : 0;
}

bool staples_look(struct staples *s, struct chain_cert *cert, struct chain_cert *issuer, const char *name,
	bool on, int64_t now, struct segment_staple *out)
{
	bool must = chain_cert_must_staple(cert);

	if (!chain_cert_responder(cert, s->url, sizeof s->url))
		s->url[0] = '\0';
	*out = (struct segment_staple){ .cert_id = cert->id, .url = s->url, .must = must };
	if (!must && !*s->url)
		return false;
	struct stapled *e = on || must ? get(s, cert->id) : NULL;
	if (!e)
		return true;
	look(s, e, cert, issuer, name, now);
	serve(e, on, now, out);
	return true;
}

bool staples_known(const struct staples *s, const uint8_t id[CERT_ID_BYTES])
{
	const struct stapled *e = idmap_get(&s->all, id);

	return e ? e->name != NULL : s->full_told;
}

bool staples_now_served(const struct staples *s, const uint8_t id[CERT_ID_BYTES], bool on, int64_t now, struct segment_staple *out)
{
	const struct stapled *e = idmap_get(&s->all, id);

	if (!e || !e->name)
		return false;
	serve(e, on, now, out);
	return true;
}

void staples_want_begin(struct staples *s, bool on, uint32_t timeout_ms)
{
	struct stapled *e;
	size_t at = 0;

	s->on = on;
	s->timeout_ms = timeout_ms;
	while ((e = idmap_next(&s->all, &at)) != NULL)
		e->asked_for = false;
}

void staples_want(struct staples *s, const uint8_t id[CERT_ID_BYTES])
{
	struct stapled *e = idmap_get(&s->all, id);

	if (e && e->name)
		e->asked_for = true;
}

void staples_want_end(struct staples *s)
{
	struct stapled *e;
	size_t at = 0;

	while ((e = idmap_next(&s->all, &at)) != NULL) {
		e->changed |= e->wanted != e->asked_for || (e->asked_for && e->on != s->on);
		e->wanted = e->asked_for;
		e->on = e->wanted && s->on;
	}
	s->dirty = true;
}

unsigned staples_came(const struct staples *s)
{
	return s->came;
}

/* ---- what comes ---- */

static void keep(struct staples *s, const struct stapled *e)
{
	struct record r;

	if (stapled_to_record(e, &r))
		cache_keep(s->cache, &r);
}

static void log_entry(struct log_line *l, enum log_level level, const char *msg, const struct stapled *e)
{
	log_begin(l, level, msg);
	log_str(l, "name", e->name ? e->name : "");
	if (e->responder)
		log_str(l, "url", e->responder->url);
}

static void tell_failure(const struct stapled *e, int64_t now)
{
	struct log_line l;

	log_entry(&l, LOG_LEVEL_WARNING, "a staple could not be fetched", e);
	log_str(&l, "error", e->error ? e->error : "");
	log_u64(&l, "failures", e->failures);
	log_u64(&l, "next_try_s", (uint64_t)(e->next - now));
	if (stapled_holds(e, now))
		log_u64(&l, "left_s", (uint64_t)(e->said.until - now));
	log_end(&l);
}

static void tell_success(const struct stapled *e, int64_t now)
{
	struct log_line l;

	log_entry(&l, LOG_LEVEL_INFO, "a staple was fetched", e);
	log_u64(&l, "left_s", (uint64_t)(e->said.until - now));
	log_u64(&l, "next_try_s", (uint64_t)(e->next - now));
	log_end(&l);
}

/* The responder is back: those that have failed with it need not wait, each its own moment. */
static void try_others(struct staples *s, const struct responder *r, int64_t now)
{
	struct stapled *e;
	size_t at = 0;

	while ((e = idmap_next(&s->all, &at)) != NULL)
		if (e->responder == r && e->failures > 0 && e->next > now)
			e->next = now + random() % 10;
}

static void take(struct staples *s, struct stapled *e, const struct fetch_answer *a, int64_t now)
{
	int64_t had = e->fetched;
	const char *why = *a->error ? a->error : stapled_take(e, a->body, a->size, now);

	if (why) {
		stapled_failed(e, why, now);
		tell_failure(e, now);
		return;
	}
	if (!e->said.revoked)
		tell_success(e, now);
	s->came += e->fetched != had || e->said.revoked;
}

static void on_done(void *data, uint64_t ticket, const struct fetch_answer *a)
{
	struct stapled *e = (void *)(uintptr_t)ticket;	/* stays while it is running */
	struct staples *s = data;
	int64_t now = time(NULL);

	s->running--;
	s->dirty = true;
	e->running = false;
	take(s, e, a, now);
	if (responder_done(e->asked, !*a->error, now))
		try_others(s, e->asked, now);
	keep(s, e);
}

/* ---- what is due ---- */

static void make_due(struct staples *s, struct stapled *e)
{
	e->next = 0;
	if (e->responder)
		e->responder->next = 0;
	s->dirty = true;
}

void staples_now(struct staples *s, const uint8_t id[CERT_ID_BYTES])
{
	struct stapled *e = idmap_get(&s->all, id);

	if (e)
		make_due(s, e);
}

void staples_now_url(struct staples *s, const char *url)
{
	struct stapled *e;
	size_t at = 0;

	while ((e = idmap_next(&s->all, &at)) != NULL)
		if (e->responder && strcmp(e->responder->url, url) == 0)
			make_due(s, e);
}

void staples_now_bad(struct staples *s, int64_t now)
{
	struct stapled *e;
	size_t at = 0;

	while ((e = idmap_next(&s->all, &at)) != NULL)
		if (e->wanted && stapled_state(e, now) != STAPLE_GOOD)
			make_due(s, e);
}

static void start(struct staples *s, struct stapled *e)
{
	struct fetch_request q = { .url = e->responder->url, .done = on_done, .data = s, .ticket = (uintptr_t)e,
		.timeout_ms = s->timeout_ms, .body = e->request.data, .body_size = e->request.size, .type = TYPE };

	e->running = e->changed = true;
	e->asked = e->responder;
	s->running++;
	responder_asked(e->responder);
	fetch(s->fetcher, &q);
}

static void warn(const struct stapled *e, int64_t now)
{
	const char *obstacle = stapled_obstacle(e), *error = obstacle ? obstacle : e->error ? e->error : "";
	struct log_line l;

	if (e->state == STAPLE_REVOKED)
		log_entry(&l, LOG_LEVEL_ERROR, "a certificate has been revoked; it is served without a staple", e);
	else if (e->state == STAPLE_RUNNING_OUT)
		log_entry(&l, LOG_LEVEL_WARNING, "a staple is running out", e);
	else if (e->must)
		log_entry(&l, LOG_LEVEL_WARNING, "there is no staple for a certificate that must have one; clients may refuse it", e);
	else
		log_entry(&l, LOG_LEVEL_WARNING, "there is no staple for a certificate", e);
	if (*error)
		log_str(&l, "error", error);
	if (e->state == STAPLE_RUNNING_OUT)
		log_u64(&l, "left_s", (uint64_t)(e->said.until - now));
	log_end(&l);
}

/* How it stands has changed. What failed has been told of already, but for what follows from it. */
static bool is_worth_a_line(const struct stapled *e, enum staple_state was)
{
	switch (e->state) {
	case STAPLE_REVOKED:
	case STAPLE_RUNNING_OUT: return true;
	case STAPLE_MISSING: return e->must || was == STAPLE_RUNNING_OUT || was == STAPLE_FAILING || was == STAPLE_GOOD;
	default: return false;
	}
}

static void judge(struct stapled *e, int64_t now, unsigned *lines)
{
	enum staple_state was = e->state;

	e->state = stapled_state(e, now);
	if (e->state == was)
		return;
	e->changed = true;
	if (is_worth_a_line(e, was) && (*lines)++ < LINES_MAX)
		warn(e, now);
}

static bool may_start(const struct staples *s, const struct stapled *e, int64_t now)
{
	return s->begun && stapled_is_due(e, now) && responder_is_free(e->responder, now) &&
		s->running < FETCH_SHARE && fetch_room(s->fetcher);
}

static bool is_over(const struct stapled *e, int64_t now)
{
	return !e->wanted && !e->running && !e->changed && e->name && !stapled_holds(e, now);
}

static void look_at_all(struct staples *s, int64_t now)
{
	struct stapled *e, *over[DROPPED_MAX];
	unsigned lines = 0;
	size_t at = 0, n = 0;

	while ((e = idmap_next(&s->all, &at)) != NULL) {
		if (e->wanted)
			judge(e, now, &lines);
		if (may_start(s, e, now))
			start(s, e);
		else if (is_over(e, now) && n < DROPPED_MAX)
			over[n++] = e;
	}
	if (lines > LINES_MAX)
		log_warning("%u more such lines about staples", lines - LINES_MAX);
	while (n > 0)
		drop(s, over[--n]);
}

void staples_start(struct staples *s, int64_t now)
{
	if (!s->dirty && now == s->looked_at)
		return;
	s->dirty = false;
	s->looked_at = now;
	look_at_all(s, now);
}

/* ---- telling ---- */

static int tell(const struct stapled *e, struct channel *ch, int64_t now)
{
	const char *obstacle = stapled_obstacle(e);
	bool holds = stapled_holds(e, now);
	struct msg m = { .type = MSG_STAPLE_STATE, .staple_state = {
		.cert_id = { e->id, sizeof e->id }, .name = e->name ? e->name : "", .url = e->responder ? e->responder->url : "",
		.error = obstacle ? obstacle : e->error ? e->error : "", .state = e->state,
		.from = holds ? (uint64_t)e->said.from : 0, .until = holds ? (uint64_t)e->said.until : 0,
		.tried = (uint64_t)e->tried, .next = obstacle ? 0 : (uint64_t)e->next, .failures = e->failures,
		.must = e->must, .wanted = e->wanted, .running = e->running } };

	return msg_send(ch, &m, NULL, 0);
}

int staples_tell(struct staples *s, struct channel *ch, int limit)
{
	int64_t now = time(NULL);
	struct stapled *e;
	size_t at = 0;
	int rc = 0;

	while (rc == 0 && channel_pending(ch) < limit && (e = idmap_next(&s->all, &at)) != NULL) {
		if (!e->changed)
			continue;
		rc = tell(e, ch, now);
		e->changed = rc < 0;
	}
	return rc;
}
