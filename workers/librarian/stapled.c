/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/stapled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <gnutls/gnutls.h>

#include "common/log.h"
#include "workers/librarian/retry.h"

#define RETRY_SOON_S 5		/* not sooner, however little is left of a staple */

struct stapled *stapled_new(const uint8_t id[CERT_ID_BYTES])
{
	struct stapled *e = calloc(1, sizeof *e);

	if (e)
		memcpy(e->id, id, CERT_ID_BYTES);
	return e;
}

static void drop_answer(struct stapled *e)
{
	free((void *)(uintptr_t)e->der.data);
	e->der = (struct bytes){ 0 };
	e->said = (struct staple_answer){ .revoked = false };
	e->checked = e->summed = false;
	e->fetched = 0;
}

void stapled_free(struct stapled *e)
{
	if (!e)
		return;
	drop_answer(e);
	gnutls_free((void *)(uintptr_t)e->request.data);
	chain_cert_unref(e->issuer);
	free(e->name);
	free(e->error);
	free(e);
}

static bool set_answer(struct stapled *e, const void *der, size_t size)
{
	uint8_t *copy = malloc(size + 1);

	if (!copy)
		return false;
	memcpy(copy, der, size);
	drop_answer(e);
	e->der = (struct bytes){ copy, size };
	return true;
}

static void set_error(struct stapled *e, const char *why)
{
	char text[RECORD_ERROR_MAX];

	free(e->error);
	e->error = NULL;
	if (!*why)
		return;
	retry_error(why, text, sizeof text);
	e->error = strdup(text);
}

/* The file may have been changed, or be older than a new issuer. A signature takes half a millisecond to look at. */
static void check_kept(struct stapled *e, int64_t now)
{
	struct log_line l;
	const char *why = e->summed ? staple_read(&e->request, e->der.data, e->der.size, now, &e->said) :
		staple_check(&e->request, e->issuer, e->der.data, e->der.size, now, &e->said);

	e->checked = !why;
	if (!why)
		return;
	log_begin(&l, LOG_LEVEL_INFO, "a staple that was kept is no longer good");
	log_str(&l, "name", e->name ? e->name : "");
	log_str(&l, "why", why);
	log_end(&l);
	drop_answer(e);
	if (e->failures == 0)
		e->next = 0;
}

void stapled_set_issuer(struct stapled *e, const struct chain_cert *cert, struct chain_cert *issuer, int64_t now)
{
	struct bytes request;

	if (staple_request(cert, issuer, &request) < 0) {
		chain_cert_unref(issuer);
		return;
	}
	gnutls_free((void *)(uintptr_t)e->request.data);
	chain_cert_unref(e->issuer);
	e->request = request;
	e->issuer = issuer;
	if (e->der.size > 0)
		check_kept(e, now);
}

bool stapled_holds(const struct stapled *e, int64_t now)
{
	return e->checked && !e->said.revoked && now < e->said.until;
}

const char *stapled_obstacle(const struct stapled *e)
{
	if (!e->on)
		return "ocsp.staple is off";
	if (!e->responder)
		return "the certificate names no responder that HTTP reaches";
	return e->issuer ? NULL : "the certificate of its issuer is not known";
}

static bool runs_out(const struct stapled *e, int64_t now)
{
	return e->said.until - now < (e->said.until - e->said.from) / 4;
}

enum staple_state stapled_state(const struct stapled *e, int64_t now)
{
	if (e->checked && e->said.revoked)
		return STAPLE_REVOKED;
	if (!e->on || !stapled_holds(e, now))
		return e->failures > 0 || stapled_obstacle(e) ? STAPLE_MISSING : STAPLE_WAITING;
	if (e->failures == 0)
		return STAPLE_GOOD;
	return runs_out(e, now) ? STAPLE_RUNNING_OUT : STAPLE_FAILING;
}

/* A next try that lies further off than any is from a clock that was wrong. */
bool stapled_is_due(const struct stapled *e, int64_t now)
{
	return e->wanted && !e->running && !stapled_obstacle(e) &&
		(now >= e->next || e->next > now + 2 * STAPLED_RENEW_MAX_S);
}

/* When half of what is left is over, somewhat sooner by chance. */
static int64_t renew_after_s(const struct stapled *e, int64_t now)
{
	int64_t s = (e->said.until - now) / 2;

	if (s > STAPLED_RENEW_MAX_S)
		s = STAPLED_RENEW_MAX_S;
	s -= random() % (s / 8 + 1);
	return s > STAPLED_RENEW_MIN_S ? s : STAPLED_RENEW_MIN_S;
}

const char *stapled_take(struct stapled *e, const void *answer, size_t size, int64_t now)
{
	struct staple_answer said;
	const char *why = staple_check(&e->request, e->issuer, answer, size, now, &said);

	if (why)
		return why;
	/* What an older answer says has been said. */
	if (!e->checked || now >= e->said.until || said.from >= e->said.from) {
		if (!set_answer(e, answer, size))
			return "there is no room for the answer";
		e->said = said;
		e->checked = true;
		e->fetched = now;
	}
	e->failures = 0;
	set_error(e, "");
	e->tried = now;
	e->next = now + renew_after_s(e, now);
	e->changed = true;
	return NULL;
}

void stapled_failed(struct stapled *e, const char *why, int64_t now)
{
	e->failures++;
	set_error(e, why);
	e->tried = now;
	int64_t wait = retry_after_s(e->failures);
	if (stapled_holds(e, now) && wait > (e->said.until - now) / 4)
		wait = (e->said.until - now) / 4;
	e->next = now + (wait > RETRY_SOON_S ? wait : RETRY_SOON_S);
	e->changed = true;
}

/* ---- the cache ---- */

bool stapled_to_record(const struct stapled *e, struct record *r)
{
	if (!e->responder)
		return false;
	*r = (struct record){ .kind = RECORD_OCSP, .fetched = e->fetched, .tried = e->tried, .next = e->next,
		.failures = e->failures, .body = e->der };
	for (size_t i = 0; i < CERT_ID_BYTES; i++)
		snprintf(r->id + 2 * i, 3, "%02x", e->id[i]);
	snprintf(r->url, sizeof r->url, "%s", e->responder->url);
	snprintf(r->error, sizeof r->error, "%s", e->error ? e->error : "");
	return true;
}

bool stapled_from_record(struct stapled *e, const struct record *r)
{
	if (r->body.size > 0 && !set_answer(e, r->body.data, r->body.size))
		return false;
	e->summed = r->summed;
	e->fetched = r->fetched;
	e->tried = r->tried;
	e->next = r->next;
	e->failures = r->failures;
	set_error(e, r->error);
	return true;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool stapled_record_id(const struct record *r, uint8_t id[CERT_ID_BYTES])
{
	if (r->kind != RECORD_OCSP || strlen(r->id) != 2 * CERT_ID_BYTES)
		return false;
	for (size_t i = 0; i < CERT_ID_BYTES; i++) {
		int high = digit(r->id[2 * i]), low = digit(r->id[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		id[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
