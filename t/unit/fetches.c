/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests workers/librarian/fetches.c and staples.c with a fetcher that this file
 * plays: what is asked for and when, what is kept, and what is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/log.h"
#include "common/staples.h"
#include "t/unit/folder.h"
#include "t/unit/ocsp.h"
#include "t/unit/pki_chain.h"
#include "workers/librarian/fetches.h"
#include "workers/librarian/staples.h"

#define ONE "http://ca.example/one"
#define TWO "http://ca.example/two"
#define RESPONDER "http://ocsp.example/"
#define CERTS 6			/* of one responder */

/* ---- the fetcher ---- */

static struct { struct fetch_request q; char url[64]; size_t body_size; } asked[FETCH_AT_ONCE];
static int asked_n;

bool fetch_room(const struct fetcher *f)
{
	(void)f;
	return asked_n < FETCH_AT_ONCE;
}

bool fetch(struct fetcher *f, const struct fetch_request *q)
{
	assert_true(fetch_room(f));
	snprintf(asked[asked_n].url, sizeof asked[0].url, "%s", q->url);
	asked[asked_n].body_size = q->body_size;
	asked[asked_n++].q = *q;
	return true;
}

/* The i-th of what is asked for gets its answer. */
static void answer(int i, const char *error, const void *body, size_t size)
{
	struct fetch_request q = asked[i].q;

	/* Valgrind takes a fortified memmove() for memcpy(). */
	for (asked_n--; i < asked_n; i++)
		asked[i] = asked[i + 1];
	q.done(q.data, q.ticket, &(struct fetch_answer){ .error = error, .body = body, .size = size });
}

static void answer_with(int i, const struct pki_cert *c)
{
	gnutls_datum_t der;

	assert_true(gnutls_x509_crt_export2(c->crt, GNUTLS_X509_FMT_DER, &der) >= 0);
	answer(i, "", der.data, der.size);
	gnutls_free(der.data);
}

/* ---- what a case works with ---- */

static struct pki_cert root, middle, leaf, stapled[CERTS];
static struct chain_cert *leaf_cert, *middle_cert, *stapled_cert[CERTS];
static struct links missing;
static char folder[] = "/tmp/tlsward-fetches-XXXXXX";
static struct cache *cache;
static struct fetches *fetches;
static struct staples *staples;

static int make_all(void **state)
{
	(void)state;
	pki_make(&root, &(struct pki_want){ .cn = "Root", .ca = true });
	pki_make(&middle, &(struct pki_want){ .cn = "Middle", .ca = true, .issuer = &root });
	pki_make(&leaf, &(struct pki_want){ .names = { "a.example.org" }, .issuer = &middle, .url = ONE });
	leaf_cert = pki_chain_cert(&leaf);
	middle_cert = pki_chain_cert(&middle);
	for (int i = 0; i < CERTS; i++) {
		pki_make(&stapled[i], &(struct pki_want){ .names = { "s.example.org" }, .issuer = &middle, .responder = RESPONDER });
		stapled_cert[i] = pki_chain_cert(&stapled[i]);
	}
	return mkdtemp(folder) ? 0 : -1;
}

static int clear_all(void **state)
{
	(void)state;
	chain_cert_unref(leaf_cert);
	chain_cert_unref(middle_cert);
	for (int i = 0; i < CERTS; i++) {
		chain_cert_unref(stapled_cert[i]);
		pki_clear(&stapled[i]);
	}
	pki_clear(&leaf);
	pki_clear(&middle);
	pki_clear(&root);
	folder_empty(folder);
	return rmdir(folder);
}

static void on_record(void *data, const struct record *r)
{
	(void)data;
	fetches_on_record(fetches, r);
	staples_on_record(staples, r);
}

/* A process that has just been started. */
static void start(void)
{
	asked_n = 0;
	fetches = fetches_new(NULL);
	staples = staples_new(NULL);
	cache = cache_new(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	assert_int_equal(cache_load(cache, on_record, NULL), 0);
}

static void stop(void)
{
	fetches_free(fetches);
	staples_free(staples);
	cache_free(cache);
}

static int begin_case(void **state)
{
	(void)state;
	missing = (struct links){ .list = &leaf_cert, .n = 1 };
	start();
	return 0;
}

static int end_case(void **state)
{
	(void)state;
	stop();
	folder_empty(folder);
	return 0;
}

static void begin_and_want(void)
{
	fetches_begin(fetches, cache);
	fetches_want(fetches, &missing, true);
	fetches_start(fetches);
}

/* ---- missing links ---- */

static void what_is_wanted_is_fetched_once(void **state)
{
	(void)state;
	fetches_want(fetches, &missing, true);
	fetches_start(fetches);
	assert_int_equal(asked_n, 0);		/* it has not begun */
	begin_and_want();
	fetches_start(fetches);
	assert_int_equal(asked_n, 1);
	assert_string_equal(asked[0].url, ONE);
	assert_int_equal(asked[0].body_size, 0);
	assert_int_equal(fetches_came(fetches), 0);
	answer_with(0, &middle);
	assert_int_equal(fetches_came(fetches), 1);
	assert_int_equal(folder_files(folder), 1);
	fetches_want(fetches, &missing, true);
	fetches_start(fetches);
	assert_int_equal(asked_n, 0);		/* not again before a day is over */
}

static void what_is_not_wanted_is_not(void **state)
{
	struct links none = { .n = 0 };

	(void)state;
	fetches_begin(fetches, cache);
	fetches_want(fetches, &missing, false);
	fetches_start(fetches);
	fetches_want(fetches, &none, true);
	fetches_now(fetches, ONE);
	fetches_start(fetches);
	assert_int_equal(asked_n, 0);
	/* An answer that nobody waits for any more does no harm, and is kept. */
	begin_and_want();
	fetches_want(fetches, &none, true);
	answer_with(0, &middle);
	assert_int_equal(fetches_came(fetches), 1);
}

static void failures_wait_until_somebody_says_now(void **state)
{
	(void)state;
	begin_and_want();
	answer(0, "no route", NULL, 0);
	assert_int_equal(fetches_came(fetches), 0);
	fetches_start(fetches);
	assert_int_equal(asked_n, 0);
	fetches_now(fetches, TWO);
	fetches_start(fetches);
	assert_int_equal(asked_n, 0);
	fetches_now(fetches, ONE);
	fetches_start(fetches);
	assert_int_equal(asked_n, 1);
	answer_with(0, &root);			/* a certificate, but not the issuer's */
	assert_int_equal(fetches_came(fetches), 0);
	/* So it is after a restart. */
	stop();
	start();
	begin_and_want();
	assert_int_equal(asked_n, 0);
	fetches_now(fetches, ONE);
	fetches_start(fetches);
	assert_int_equal(asked_n, 1);
}

static void what_was_fetched_is_there_after_a_restart(void **state)
{
	struct chain_question q = { .cert = leaf_cert };
	struct chain_candidates found = { .n = 0 };

	(void)state;
	begin_and_want();
	answer_with(0, &middle);
	stop();
	start();
	chain_cache.issuers(fetches_pool(fetches), &q, &found);
	assert_int_equal(found.n, 1);
	assert_true(chain_cert_same(found.list[0].cert, middle_cert));
	begin_and_want();
	assert_int_equal(asked_n, 0);
}

static void the_state_is_told(void **state)
{
	int pair[2];
	struct channel ours, theirs;
	struct packet p;
	struct msg m;
	const char *why;

	(void)state;
	assert_int_equal(channel_pair(pair), 0);
	channel_init(&ours, pair[0]);
	channel_init(&theirs, pair[1]);
	begin_and_want();
	assert_int_equal(fetches_tell(fetches, &ours, 10), 0);
	assert_int_equal(channel_recv_wait(&theirs, &p, 1000), 0);
	assert_int_equal(msg_decode(&p, ROLE_LIBRARIAN, ROLE_SUPERVISOR, &m, &why), 0);
	assert_string_equal(m.fetch_state.url, ONE);
	assert_true(m.fetch_state.running && m.fetch_state.wanted);
	answer(0, "no \x1b[31mroute", NULL, 0);
	assert_int_equal(fetches_tell(fetches, &ours, 10), 0);
	assert_int_equal(channel_recv_wait(&theirs, &p, 1000), 0);
	assert_int_equal(msg_decode(&p, ROLE_LIBRARIAN, ROLE_SUPERVISOR, &m, &why), 0);
	assert_string_equal(m.fetch_state.error, "no ?[31mroute");
	assert_int_equal(m.fetch_state.failures, 1);
	assert_in_range(m.fetch_state.next, m.fetch_state.tried + 11, m.fetch_state.tried + 19);
	assert_false(m.fetch_state.running);
	assert_int_equal(fetches_tell(fetches, &ours, 10), 0);
	assert_int_equal(channel_recv_wait(&theirs, &p, 0), -ETIMEDOUT);
	channel_clear(&ours);
	channel_clear(&theirs);
}

/* ---- staples ---- */

static bool look(int i, bool on, struct segment_staple *out)
{
	return staples_look(staples, stapled_cert[i], middle_cert, "s.example.org", on, time(NULL), out);
}

static void want_all(bool on)
{
	struct segment_staple s;

	for (int i = 0; i < CERTS; i++)
		look(i, on, &s);
	staples_want_begin(staples, on, 500);
	for (int i = 0; i < CERTS; i++)
		staples_want(staples, stapled_cert[i]->id);
	staples_want_end(staples);
	staples_start(staples, time(NULL));
}

/* What is asked for about stapled[which], as an answer for a day. */
static void answer_staple(int i, int which, enum ocsp_status status)
{
	struct ocsp_want w = { .cert = &stapled[which], .issuer = &middle, .status = status, .from = time(NULL) - 10, .until = time(NULL) + 86400 };
	size_t size;
	uint8_t *der = ocsp_make(&w, &size);

	answer(i, "", der, size);
	free(der);
}

static int whose(int i)
{
	const uint8_t *id = (const uint8_t *)(uintptr_t)asked[i].q.ticket;	/* it is what an entry begins with */

	for (int k = 0; k < CERTS; k++)
		if (memcmp(stapled_cert[k]->id, id, CERT_ID_BYTES) == 0)
			return k;
	return -1;
}

static void a_responder_is_asked_for_few_at_a_time(void **state)
{
	struct segment_staple s;

	(void)state;
	staples_begin(staples, cache);
	want_all(true);
	assert_int_equal(asked_n, 4);
	assert_string_equal(asked[0].url, RESPONDER);
	assert_string_equal(asked[0].q.type, "application/ocsp-request");
	assert_true(asked[0].body_size > 0);
	assert_int_equal(asked[0].q.timeout_ms, 500);
	int first = whose(0);
	assert_true(look(first, true, &s));
	assert_int_equal(s.der.size, 0);
	answer_staple(0, first, OCSP_GOOD);
	assert_int_equal(staples_came(staples), 1);
	assert_true(look(first, true, &s));
	assert_true(s.der.size > 0);
	assert_memory_equal(s.cert_id, stapled_cert[first]->id, CERT_ID_BYTES);
	assert_string_equal(s.url, RESPONDER);
	staples_start(staples, time(NULL));
	assert_int_equal(asked_n, 4);
	while (asked_n > 0) {
		answer_staple(0, whose(0), OCSP_GOOD);
		staples_start(staples, time(NULL));
	}
	assert_int_equal(staples_came(staples), CERTS);
	assert_int_equal(folder_files(folder), CERTS);
	/* After a restart nobody is asked. */
	stop();
	start();
	staples_begin(staples, cache);
	want_all(true);
	assert_int_equal(asked_n, 0);
	assert_true(look(first, true, &s));
	assert_true(s.der.size > 0);
	/* Unless somebody says so. */
	staples_now(staples, stapled_cert[first]->id);
	staples_start(staples, time(NULL));
	assert_int_equal(asked_n, 1);
	staples_now_bad(staples, time(NULL));
	staples_start(staples, time(NULL));
	assert_int_equal(asked_n, 1);
	staples_now_url(staples, RESPONDER);
	staples_start(staples, time(NULL));
	assert_int_equal(asked_n, 4);
}

static void one_that_is_down_is_asked_for_one(void **state)
{
	(void)state;
	staples_begin(staples, cache);
	want_all(true);
	while (asked_n > 0)
		answer(0, "no route", NULL, 0);
	staples_start(staples, time(NULL));
	assert_int_equal(asked_n, 0);
	staples_now_url(staples, RESPONDER);
	staples_start(staples, time(NULL));
	assert_int_equal(asked_n, 1);
	answer_staple(0, whose(0), OCSP_GOOD);
	staples_start(staples, time(NULL) + 20);	/* it is back: the others need not wait their time */
	assert_int_equal(asked_n, 4);
}

static void switched_off_nothing_is_asked_or_served(void **state)
{
	struct segment_staple s;

	(void)state;
	staples_begin(staples, cache);
	want_all(false);
	assert_int_equal(asked_n, 0);
	want_all(true);
	int first = whose(0);
	answer_staple(0, first, OCSP_GOOD);
	want_all(false);
	assert_true(look(first, false, &s));
	assert_int_equal(s.der.size, 0);
	/* What comes in between does no harm. */
	while (asked_n > 0)
		answer(0, "", "junk", 4);
	want_all(true);
	assert_true(look(first, true, &s));
	assert_true(s.der.size > 0);
	assert_false(staples_look(staples, leaf_cert, middle_cert, "a.example.org", true, time(NULL), &s));
}

static void what_is_revoked_is_told_and_not_served(void **state)
{
	int pair[2], told = 0;
	struct channel ours, theirs;
	struct segment_staple s;
	struct packet p;
	struct msg m;
	const char *why;

	(void)state;
	assert_int_equal(channel_pair(pair), 0);
	channel_init(&ours, pair[0]);
	channel_init(&theirs, pair[1]);
	staples_begin(staples, cache);
	want_all(true);
	int first = whose(0);
	answer_staple(0, first, OCSP_REVOKED);
	staples_start(staples, time(NULL));
	assert_int_equal(staples_came(staples), 1);
	assert_true(look(first, true, &s));
	assert_int_equal(s.der.size, 0);
	assert_int_equal(staples_tell(staples, &ours, 100), 0);
	while (channel_recv_wait(&theirs, &p, 0) == 0) {
		assert_int_equal(msg_decode(&p, ROLE_LIBRARIAN, ROLE_SUPERVISOR, &m, &why), 0);
		bool revoked = m.staple_state.state == STAPLE_REVOKED;
		assert_int_equal(revoked, memcmp(m.staple_state.cert_id.data, stapled_cert[first]->id, CERT_ID_BYTES) == 0);
		assert_string_equal(m.staple_state.url, RESPONDER);
		told++;
	}
	assert_int_equal(told, CERTS);
	channel_clear(&ours);
	channel_clear(&theirs);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin_case, end_case)

int main(void)
{
	log_init(2, "test", LOG_LEVEL_ERROR + 1);
	const struct CMUnitTest tests[] = {
		CASE(what_is_wanted_is_fetched_once),
		CASE(what_is_not_wanted_is_not),
		CASE(failures_wait_until_somebody_says_now),
		CASE(what_was_fetched_is_there_after_a_restart),
		CASE(the_state_is_told),
		CASE(a_responder_is_asked_for_few_at_a_time),
		CASE(one_that_is_down_is_asked_for_one),
		CASE(switched_off_nothing_is_asked_or_served),
		CASE(what_is_revoked_is_told_and_not_served),
	};
	return cmocka_run_group_tests_name("fetches", tests, make_all, clear_all);
}
