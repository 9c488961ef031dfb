/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests workers/librarian/staple.c, stapled.c and responder.c: which answers count, and when the next try is due. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <gnutls/gnutls.h>

#include "common/log.h"
#include "t/unit/corpus.h"
#include "t/unit/ocsp.h"
#include "t/unit/pki_chain.h"
#include "workers/librarian/retry.h"
#include "workers/librarian/stapled.h"

#define DAY_S 86400
#define CORPUS_NOW 1795280000

static struct pki_cert root, issuer, namesake, leaf, other, delegate, old_delegate, unfit, stranger;
static struct chain_cert *cert, *issuer_cert;
static struct bytes request;
static int64_t now;

static int make_all(void **state)
{
	(void)state;
	pki_make(&root, &(struct pki_want){ .cn = "Root", .ca = true });
	pki_make(&issuer, &(struct pki_want){ .cn = "Issuer", .ca = true, .issuer = &root });
	pki_make(&namesake, &(struct pki_want){ .cn = "Issuer", .ca = true, .issuer = &root });
	pki_make(&leaf, &(struct pki_want){ .names = { "a.example.org" }, .issuer = &issuer, .responder = "http://ocsp.example/", .must = true });
	pki_make(&other, &(struct pki_want){ .names = { "b.example.org" }, .issuer = &issuer });
	pki_make(&delegate, &(struct pki_want){ .cn = "Delegate", .issuer = &issuer, .signs_ocsp = true });
	pki_make(&old_delegate, &(struct pki_want){ .cn = "Old", .issuer = &issuer, .signs_ocsp = true, .from_days = -20, .to_days = -10 });
	pki_make(&unfit, &(struct pki_want){ .cn = "Unfit", .issuer = &issuer });
	pki_make(&stranger, &(struct pki_want){ .cn = "Stranger", .issuer = &root, .signs_ocsp = true });
	cert = pki_chain_cert(&leaf);
	issuer_cert = pki_chain_cert(&issuer);
	now = time(NULL);
	return staple_request(cert, issuer_cert, &request);
}

static int clear_all(void **state)
{
	struct pki_cert *all[] = { &root, &issuer, &namesake, &leaf, &other, &delegate, &old_delegate, &unfit, &stranger };

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		pki_clear(all[i]);
	chain_cert_unref(cert);
	chain_cert_unref(issuer_cert);
	gnutls_free((void *)(uintptr_t)request.data);
	return 0;
}

/* A good answer of the issuer, for four days. */
static struct ocsp_want good(void)
{
	return (struct ocsp_want){ .cert = &leaf, .issuer = &issuer, .from = now - 60, .until = now - 60 + 4 * DAY_S };
}

/* "" if it counts. */
static const char *problem_at(const struct ocsp_want *want, int64_t when, struct staple_answer *out)
{
	size_t size;
	uint8_t *der = ocsp_make(want, &size);
	const char *why = staple_check(&request, issuer_cert, der, size, when, out);

	free(der);
	return why ? why : "";
}

static const char *problem(const struct ocsp_want *want)
{
	struct staple_answer said;

	return problem_at(want, now, &said);
}

static void what_the_issuer_or_its_delegate_has_signed_counts(void **state)
{
	struct ocsp_want w = good();
	struct staple_answer said;

	(void)state;
	assert_string_equal(problem_at(&w, now, &said), "");
	assert_false(said.revoked);
	assert_int_equal(said.from, w.from);
	assert_int_equal(said.until, w.until);
	w.signer = &delegate;
	assert_string_equal(problem(&w), "");
	w.also = &other;
	assert_string_equal(problem(&w), "");
	w.status = OCSP_REVOKED;
	assert_string_equal(problem_at(&w, now, &said), "");
	assert_true(said.revoked);
}

static void what_others_have_signed_does_not(void **state)
{
	struct ocsp_want w = good();

	(void)state;
	w.signer = &stranger;
	assert_string_equal(problem(&w), "the answer is not signed by the issuer");
	w.signer = &leaf;
	assert_string_equal(problem(&w), "the answer is signed by a certificate that is not for that (id-kp-OCSPSigning)");
	w.signer = &unfit;
	assert_string_equal(problem(&w), "the answer is signed by a certificate that is not for that (id-kp-OCSPSigning)");
	w.signer = &old_delegate;
	assert_string_equal(problem(&w), "the answer is signed by a certificate that is outside its time");
	w.signer = &namesake;
	assert_string_not_equal(problem(&w), "");
}

static void an_answer_about_another_certificate_does_not_count(void **state)
{
	struct ocsp_want w = good();

	(void)state;
	w.cert = &other;
	assert_string_equal(problem(&w), "the answer is about another certificate");
	/* The same serial number and name of issuer, but another issuer's key. */
	w = good();
	w.issuer = &namesake;
	w.signer = &delegate;
	assert_string_equal(problem(&w), "the answer is about another certificate");
	w = good();
	w.sha256 = true;
	assert_string_equal(problem(&w), "the answer is about another certificate");
	w = good();
	w.status = OCSP_UNKNOWN;
	assert_string_equal(problem(&w), "the responder does not know the certificate");
}

static void the_time_of_an_answer_must_be_now(void **state)
{
	struct ocsp_want w = good();
	struct staple_answer said;

	(void)state;
	assert_string_equal(problem_at(&w, w.until - 1, &said), "");
	assert_string_equal(problem_at(&w, w.until, &said), "the answer is out of date");
	assert_string_equal(problem_at(&w, w.from - STAPLE_AHEAD_S, &said), "");
	assert_string_equal(problem_at(&w, w.from - STAPLE_AHEAD_S - 1, &said), "the answer is good from a time in the future on");
	w.until = 0;
	assert_string_equal(problem(&w), "the answer does not say until when it is good");
	w.until = w.from;
	assert_string_equal(problem(&w), "the answer is good for no time at all");
}

static void rubbish_is_refused(void **state)
{
	static const uint8_t later[] = { 0x30, 3, 0x0a, 1, 3 }, empty_success[] = { 0x30, 3, 0x0a, 1, 0 };
	struct ocsp_want w = good();
	struct staple_answer said;
	size_t size;
	uint8_t *der = ocsp_make(&w, &size);

	(void)state;
	assert_string_equal(staple_check(&request, issuer_cert, "", 0, now, &said), "the answer is no OCSP response");
	assert_string_equal(staple_check(&request, issuer_cert, "junk", 4, now, &said), "the answer is no OCSP response");
	assert_string_equal(staple_check(&request, issuer_cert, later, sizeof later, now, &said),
		"the responder answers that it is to be tried later");
	assert_non_null(staple_check(&request, issuer_cert, empty_success, sizeof empty_success, now, &said));
	for (size_t n = 0; n < size; n++)
		assert_non_null(staple_check(&request, issuer_cert, der, n, now, &said));
	der[size / 2] ^= 1;
	assert_non_null(staple_check(&request, issuer_cert, der, size, now, &said));
	free(der);
	w.pad = CATALOG_STAPLE_MAX;
	assert_string_equal(problem(&w), "the answer is too large to be stapled");
}

static void a_certificate_tells_its_responder_and_that_it_must(void **state)
{
	struct chain_cert *plain = pki_chain_cert(&other);
	char url[64];

	(void)state;
	assert_true(chain_cert_responder(cert, url, sizeof url));
	assert_string_equal(url, "http://ocsp.example/");
	assert_true(chain_cert_must_staple(cert));
	assert_false(chain_cert_responder(plain, url, sizeof url));
	assert_false(chain_cert_must_staple(plain));
	chain_cert_unref(plain);
}

/* The corpus of t/fuzz/staple.c, which says what it is. */
/* The certificate, behind two bytes with its size, and the answer. */
static void replay(const char *name, const uint8_t *data, size_t size)
{
	struct staple_answer said = { .revoked = false };
	struct bytes about;

	if (strncmp(name, "any-", 4) == 0)	/* a delegate's time is the clock's */
		return;
	assert_true(size >= 2);
	size_t n = (size_t)data[0] << 8 | data[1];
	assert_true(size >= 2 + n);
	struct chain_cert *c = chain_cert_new(data + 2, n);
	assert_int_equal(c == NULL, strcmp(name, "bad-no-certificate") == 0);
	if (!c)
		return;
	assert_int_equal(staple_request(c, c, &about), 0);
	const char *why = staple_check(&about, c, data + 2 + n, size - 2 - n, CORPUS_NOW, &said);
	assert_int_equal(why != NULL, strncmp(name, "bad-", 4) == 0);
	assert_int_equal(said.revoked, strncmp(name, "revoked-", 8) == 0);
	gnutls_free((void *)(uintptr_t)about.data);
	chain_cert_unref(c);
}

static void every_file_of_the_corpus_gives_what_its_name_says(void **state)
{
	(void)state;
	assert_true(corpus_each("staple", replay) >= 21);
}

/* ---- over time ---- */

static struct responders all;

static struct stapled *begin(void)
{
	struct stapled *e = stapled_new(cert->id);

	e->on = e->wanted = true;
	e->name = strdup("a.example.org");
	e->responder = responder_get(&all, "http://ocsp.example/");
	stapled_set_issuer(e, cert, chain_cert_ref(issuer_cert), now);
	return e;
}

static void end(struct stapled *e)
{
	stapled_free(e);
	responders_clear(&all);
}

static const char *take(struct stapled *e, const struct ocsp_want *want, int64_t when)
{
	size_t size;
	uint8_t *der = ocsp_make(want, &size);
	const char *why = stapled_take(e, der, size, when);

	free(der);
	return why ? why : "";
}

static void a_staple_is_renewed_when_half_of_its_time_is_over(void **state)
{
	struct stapled *e = begin();
	struct ocsp_want w = good();

	(void)state;
	assert_int_equal(stapled_state(e, now), STAPLE_WAITING);
	assert_true(stapled_is_due(e, now));
	assert_string_equal(take(e, &w, now), "");
	assert_int_equal(stapled_state(e, now), STAPLE_GOOD);
	assert_false(stapled_is_due(e, now + DAY_S));
	assert_true(stapled_is_due(e, now + 2 * DAY_S));
	/* One that is old when it comes is not asked for again and again. */
	assert_string_equal(take(e, &w, w.until - 100), "");
	assert_in_range(e->next, w.until - 100 + 40, w.until - 50);
	assert_string_equal(take(e, &w, w.until - 2), "");
	assert_int_equal(e->next, w.until - 2 + STAPLED_RENEW_MIN_S);
	/* And one that is good for years is looked at all the same. */
	w.until = now + 1000 * DAY_S;
	assert_string_equal(take(e, &w, now), "");
	assert_true(stapled_is_due(e, now + STAPLED_RENEW_MAX_S));
	end(e);
}

static void the_last_good_one_serves_to_its_end(void **state)
{
	struct stapled *e = begin();
	struct ocsp_want w = good();

	(void)state;
	take(e, &w, now);
	stapled_failed(e, "no\tanswer", now + 2 * DAY_S);
	assert_string_equal(e->error, "no?answer");
	assert_true(stapled_holds(e, w.until - 1));
	assert_int_equal(stapled_state(e, now + 2 * DAY_S), STAPLE_FAILING);
	assert_int_equal(stapled_state(e, w.until - DAY_S + 100), STAPLE_RUNNING_OUT);
	assert_int_equal(stapled_state(e, w.until), STAPLE_MISSING);
	assert_false(stapled_holds(e, w.until));
	assert_string_equal(take(e, &w, now + 2 * DAY_S), "");
	assert_int_equal(stapled_state(e, now + 2 * DAY_S), STAPLE_GOOD);
	assert_null(e->error);
	end(e);
}

static void failures_back_off_but_not_past_what_is_left(void **state)
{
	struct stapled *e = begin();
	struct ocsp_want w = good();

	(void)state;
	for (int i = 0; i < 30; i++)
		stapled_failed(e, "down", now);
	assert_in_range(e->next - now, RETRY_MAX_S * 3 / 4, RETRY_MAX_S * 5 / 4);
	assert_false(stapled_is_due(e, now + RETRY_MAX_S / 2));
	assert_true(stapled_is_due(e, now + 2 * RETRY_MAX_S));
	/* A clock that was wrong. */
	e->next = now + 100 * DAY_S;
	assert_true(stapled_is_due(e, now));
	take(e, &w, now);
	for (int i = 0; i < 30; i++)
		stapled_failed(e, "down", w.until - 400);
	assert_int_equal(e->next, w.until - 300);
	stapled_failed(e, "down", w.until - 3);
	assert_in_range(e->next, w.until + 1, w.until + 3);
	end(e);
}

static void revoked_ends_the_staple_and_nothing_older_brings_it_back(void **state)
{
	struct stapled *e = begin();
	struct ocsp_want w = good(), revoked = good(), again = good();

	(void)state;
	take(e, &w, now);
	revoked.from = now;
	revoked.status = OCSP_REVOKED;
	assert_string_equal(take(e, &revoked, now), "");
	assert_int_equal(stapled_state(e, now), STAPLE_REVOKED);
	assert_false(stapled_holds(e, now));
	assert_string_equal(take(e, &w, now), "");
	assert_int_equal(stapled_state(e, now), STAPLE_REVOKED);
	again.from = now + 10;
	assert_string_equal(take(e, &again, now + 10), "");
	assert_int_equal(stapled_state(e, now + 10), STAPLE_GOOD);
	end(e);
}

static void it_comes_back_from_its_record(void **state)
{
	struct stapled *e = begin(), *back = stapled_new(cert->id);
	struct ocsp_want w = good(), about_other = good();
	uint8_t id[CERT_ID_BYTES];
	struct record r;
	size_t size;

	(void)state;
	take(e, &w, now);
	assert_true(stapled_to_record(e, &r));
	assert_true(stapled_record_id(&r, id));
	assert_memory_equal(id, cert->id, sizeof id);
	assert_true(stapled_from_record(back, &r));
	assert_false(stapled_holds(back, now));	/* nobody has looked at it yet */
	stapled_set_issuer(back, cert, chain_cert_ref(issuer_cert), now);
	assert_true(stapled_holds(back, now));
	assert_int_equal(back->next, e->next);
	/* What was checked before is not checked again. */
	r.summed = true;
	assert_true(stapled_from_record(back, &r));
	stapled_set_issuer(back, cert, chain_cert_ref(issuer_cert), now);
	assert_true(stapled_holds(back, now));
	r.summed = false;
	/* What somebody has changed on the disk is not served. */
	about_other.cert = &other;
	uint8_t *der = ocsp_make(&about_other, &size);
	r.body = (struct bytes){ der, size };
	assert_true(stapled_from_record(back, &r));
	stapled_set_issuer(back, cert, chain_cert_ref(issuer_cert), now);
	assert_false(stapled_holds(back, now));
	back->on = back->wanted = true;
	back->responder = e->responder;
	assert_true(stapled_is_due(back, now));
	free(der);
	r.id[3] = 'x';
	assert_false(stapled_record_id(&r, id));
	stapled_free(back);
	end(e);
}

static void what_is_in_the_way_is_told(void **state)
{
	struct stapled *e = stapled_new(cert->id);

	(void)state;
	e->wanted = true;
	assert_string_equal(stapled_obstacle(e), "ocsp.staple is off");
	e->on = true;
	assert_string_equal(stapled_obstacle(e), "the certificate names no responder that HTTP reaches");
	e->responder = responder_get(&all, "http://ocsp.example/");
	assert_string_equal(stapled_obstacle(e), "the certificate of its issuer is not known");
	assert_int_equal(stapled_state(e, now), STAPLE_MISSING);
	assert_false(stapled_is_due(e, now));
	stapled_set_issuer(e, cert, chain_cert_ref(issuer_cert), now);
	assert_null(stapled_obstacle(e));
	assert_true(stapled_is_due(e, now));
	end(e);
}

static void a_responder_that_is_down_is_asked_by_one_at_a_time(void **state)
{
	struct responder *r = responder_get(&all, "http://down/");

	(void)state;
	assert_ptr_equal(responder_get(&all, "http://down/"), r);
	assert_ptr_not_equal(responder_get(&all, "http://up/"), r);
	for (int i = 0; i < RESPONDER_AT_ONCE; i++) {
		assert_true(responder_is_free(r, now));
		responder_asked(r);
	}
	assert_false(responder_is_free(r, now));
	for (int i = 0; i < RESPONDER_AT_ONCE; i++)
		assert_false(responder_done(r, false, now));
	assert_false(responder_is_free(r, now));
	assert_true(responder_is_free(r, now + RESPONDER_WAIT_MAX_S));
	responder_asked(r);
	assert_false(responder_is_free(r, now + RESPONDER_WAIT_MAX_S));
	for (int i = 0; i < 30; i++) {
		responder_done(r, false, now);
		responder_asked(r);
	}
	assert_int_equal(r->next, now + RESPONDER_WAIT_MAX_S);
	assert_true(responder_done(r, true, now));
	assert_true(responder_is_free(r, now));
	responders_clear(&all);
}

int main(void)
{
	log_init(2, "test", LOG_LEVEL_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_issuer_or_its_delegate_has_signed_counts),
		cmocka_unit_test(what_others_have_signed_does_not),
		cmocka_unit_test(an_answer_about_another_certificate_does_not_count),
		cmocka_unit_test(the_time_of_an_answer_must_be_now),
		cmocka_unit_test(rubbish_is_refused),
		cmocka_unit_test(every_file_of_the_corpus_gives_what_its_name_says),
		cmocka_unit_test(a_certificate_tells_its_responder_and_that_it_must),
		cmocka_unit_test(a_staple_is_renewed_when_half_of_its_time_is_over),
		cmocka_unit_test(the_last_good_one_serves_to_its_end),
		cmocka_unit_test(failures_back_off_but_not_past_what_is_left),
		cmocka_unit_test(revoked_ends_the_staple_and_nothing_older_brings_it_back),
		cmocka_unit_test(it_comes_back_from_its_record),
		cmocka_unit_test(what_is_in_the_way_is_told),
		cmocka_unit_test(a_responder_that_is_down_is_asked_by_one_at_a_time),
	};
	return cmocka_run_group_tests_name("staple", tests, make_all, clear_all);
}
