/* SPDX-License-Identifier: BSD-2-Clause */
/* One order: from the question to policy and keeper, through uacme and its challenges, to its end. */
#include "workers/librarian/acme_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/ledger.h"
#include "common/log.h"
#include "workers/librarian/acme_segment.h"
#include "workers/librarian/acme_when.h"
#include "workers/librarian/file.h"

#define ASK_S 30		/* for policy and keeper to answer */
#define GRACE_S 10		/* for the runner to tell that time was over */

/* ---- challenges ---- */

static void send_challenges(struct acme *a)
{
	struct msg m = { .type = MSG_CHALLENGES, .challenges = { .generation = ++a->challenges } };
	struct bytes open[RUNNER_ORDERS_MAX];

	for (int i = 0; i < RUNNER_ORDERS_MAX; i++)
		open[i] = (struct bytes){ a->orders[i].certificate, a->orders[i].certificate_size };
	int fd = acme_segment_challenges(open, RUNNER_ORDERS_MAX, a->challenges, time(NULL));
	int rc = fd < 0 && fd != -ENOENT ? fd : msg_send(a->ch, &m, &fd, fd >= 0);
	if (fd >= 0)
		close(fd);
	if (rc < 0)
		a->failed = rc;
}

static void end_challenge(struct acme *a, struct order *o)
{
	if (order_end_challenge(o))
		send_challenges(a);
}

static struct order *order_by_id(struct acme *a, uint32_t id)
{
	for (int i = 0; i < RUNNER_ORDERS_MAX; i++)
		if (a->orders[i].stage != ORDER_FREE && a->orders[i].id == id)
			return &a->orders[i];
	return NULL;
}

void acme_on_challenge_ans(struct acme *a, uint32_t id, const struct msg_challenge_ans *m)
{
	struct order *o = order_by_id(a, id);

	if (!o || o->waits != ORDER_WAITS_KEEPER)
		return;
	end_challenge(a, o);
	uint8_t *copy = *m->error ? NULL : malloc(m->certificate.size + 1);
	if (!copy) {
		log_warning("a challenge for %s cannot be answered: %s", o->name->rec.id, *m->error ? m->error : "memory ran out");
		order_answer_hook(o, false);
		return;
	}
	memcpy(copy, m->certificate.data, m->certificate.size);
	o->certificate = copy;
	o->certificate_size = m->certificate.size;
	o->waits = ORDER_WAITS_WORKERS;
	send_challenges(a);
	o->generation = a->challenges;
}

void acme_on_challenges_ans(struct acme *a, uint32_t generation)
{
	for (int i = 0; i < RUNNER_ORDERS_MAX; i++)
		if (a->orders[i].waits == ORDER_WAITS_WORKERS && (int32_t)(generation - a->orders[i].generation) >= 0)
			order_answer_hook(&a->orders[i], true);
}

static bool begin_tls_alpn(struct acme *a, struct order *o, const struct hook_call *call)
{
	struct msg m = { .type = MSG_CHALLENGE_REQ, .id = o->id, .challenge_req = { .name = o->name->rec.id } };
	uint8_t digest[32];

	if (base64url_decode(call->authorization, digest, sizeof digest) != sizeof digest)
		return false;
	m.challenge_req.digest = (struct bytes){ digest, sizeof digest };
	o->waits = ORDER_WAITS_KEEPER;
	int rc = msg_send(a->ch, &m, NULL, 0);
	if (rc < 0)
		a->failed = rc;
	return rc == 0;
}

static void on_file(struct order *o, int error)
{
	const char *why = error == EBADMSG ? "the challenge is not what RFC 8555 says" :
		"the file of the challenge cannot be written to acme.webroot";

	if (error)
		log_warning("a challenge for %s cannot be answered: %s: %s", o->name->rec.id, why, strerror(error));
	order_answer_hook(o, error == 0);
}

static void begin_http(struct acme *a, struct order *o, const struct hook_call *call)
{
	int rc = runner_challenge(&a->runner, o->id, a->settings.webroot, call->token, call->authorization);

	o->waits = ORDER_WAITS_RUNNER;
	if (rc < 0)
		on_file(o, -rc);
}

/* The kinds of challenges that are not configured are declined: uacme goes on with the next. */
static void on_hook(struct acme *a, struct order *o, const struct hook_call *call)
{
	static const char *const types[] = { [ACME_TLS_ALPN_01] = "tls-alpn-01", [ACME_HTTP_01] = "http-01" };

	if (strcmp(call->method, "begin") != 0) {
		end_challenge(a, o);
		order_answer_hook(o, true);
	} else if (strcmp(call->name, o->name->rec.id) != 0 || strcmp(call->type, types[a->settings.challenge]) != 0) {
		order_answer_hook(o, false);
	} else if (a->settings.challenge == ACME_HTTP_01) {
		begin_http(a, o, call);
	} else if (!begin_tls_alpn(a, o, call)) {
		order_answer_hook(o, false);
	}
}

/* ---- the end of an order ---- */

static void end_order(struct acme *a, struct order *o)
{
	end_challenge(a, o);
	o->name->running = false;
	o->name->changed = true;
	order_clear(o);
}

static void fail(struct acme *a, struct order *o, const char *why)
{
	struct record *r = &o->name->rec;
	int64_t now = time(NULL);
	struct log_line l;

	r->failures++;
	r->next = now + acme_backoff(r->failures, acme_is_rate_limit(o->text), (uint32_t)random());
	snprintf(r->error, sizeof r->error, "%s", why);
	log_begin(&l, LOG_LEVEL_WARNING, "a certificate could not be ordered");
	log_str(&l, "name", r->id);
	log_str(&l, "error", r->error);
	log_u64(&l, "failures", r->failures);
	log_u64(&l, "next_try_s", (uint64_t)(r->next - now));
	log_end(&l);
	acme_keep_record(a, o->name);
	end_order(a, o);
}

static void succeed(struct acme *a, struct order *o)
{
	struct record *r = &o->name->rec;
	struct log_line l;

	r->failures = 0;
	r->next = 0;
	r->error[0] = '\0';
	o->name->told_late = false;
	acme_keep_record(a, o->name);
	log_begin(&l, LOG_LEVEL_INFO, "a certificate was ordered");
	log_str(&l, "name", r->id);
	log_u64(&l, "days", (uint64_t)((o->name->not_after - time(NULL)) / 86400));
	log_end(&l);
	a->serve_anew = true;
	end_order(a, o);
}

/* What a CA sends is looked at before it replaces anything. */
static const char *look_at(struct order *o, const char *text, size_t size, struct certs *c)
{
	const char *why = certs_parse(c, text, size, time(NULL)) < 0 ? c->error : "";

	if (!*why && memcmp(c->key_id, o->key_id, KEY_ID_BYTES) != 0)
		why = "it is for another key than the request";
	if (!*why && time(NULL) > c->not_after)
		why = "it has expired already";
	return why;
}

static void take_answer(struct acme *a, struct order *o, int slot)
{
	char error[MSG_TEXT_MAX] = "", text[MSG_TEXT_MAX + 64], *pem = NULL;
	struct certs c = { .names_n = 0 }, again = { .names_n = 0 };
	size_t size = 0;

	const char *why = acme_files_take_answer(&a->files, slot, &pem, &size, error) < 0 ? error : look_at(o, pem, size, &c);
	if (!*why)
		why = acme_take_certificate(o->name, pem, size, &again);
	int rc = *why ? 0 : acme_files_put_certificate(&a->files, o->name->rec.id, pem, size);
	if (rc < 0)
		log_warning("the certificate for %s cannot be kept, and is ordered again after a restart: %s", o->name->rec.id, strerror(-rc));
	snprintf(text, sizeof text, "the certificate that came: %s", why);
	if (*why)
		fail(a, o, text);
	else
		succeed(a, o);
	certs_clear(&c);
	certs_clear(&again);
	if (pem)
		file_forget(pem, size);
}

static void tell_failure(struct acme *a, struct order *o, const struct runner_result *r)
{
	char problem[RECORD_ERROR_MAX], text[RECORD_ERROR_MAX + 64];

	order_problem(o, problem, sizeof problem);
	switch (r->how) {
	case RUNNER_TIMED_OUT:
		snprintf(text, sizeof text, "it was not done within %u s", (a->settings.timeout_ms + 999) / 1000);
		break;
	case RUNNER_SIGNALLED:
		snprintf(text, sizeof text, "uacme was killed by signal %u", r->code);
		break;
	case RUNNER_NOT_STARTED:
		snprintf(text, sizeof text, "uacme could not be started: %s", strerror((int)r->code));
		break;
	default:
		snprintf(text, sizeof text, "%s%s", r->account ? "the account: " : "", *problem ? problem : "uacme did not say why");
	}
	if (strstr(o->text, "accountDoesNotExist"))
		acme_files_note_account(&a->files, a->settings.directory, false);
	fail(a, o, text);
}

void acme_on_result(struct acme *a, const struct runner_result *r)
{
	struct order *o = order_by_id(a, r->id);

	if (!o || o->stage != ORDER_RUNS)
		return;
	if (r->how == RUNNER_CHALLENGE) {
		if (o->waits == ORDER_WAITS_RUNNER)
			on_file(o, (int)r->code);
		return;
	}
	order_read_output(o);
	if (o->account && !r->account && r->how == RUNNER_EXITED)
		acme_files_note_account(&a->files, a->settings.directory, true);
	if (r->how == RUNNER_EXITED && r->code == 0)
		take_answer(a, o, (int)(o - a->orders));
	else
		tell_failure(a, o, r);
}

/* ---- the beginning of an order ---- */

static int start_uacme(struct acme *a, struct order *o, const char *csr)
{
	char confdir[ACME_PATH_MAX];
	int hook = -1, output = -1;

	o->account = !acme_files_account(&a->files, a->settings.directory, confdir);
	int rc = order_open(o, &hook, &output);
	struct runner_request q = { .id = o->id, .timeout_ms = a->settings.timeout_ms, .new_account = o->account,
		.directory = a->settings.directory, .contact = a->settings.contact, .confdir = confdir, .csr = csr,
		.dir = a->files.dir, .hook = hook, .output = output, .program = a->hook };
	if (rc == 0)
		rc = runner_ask(&a->runner, &q);
	if (hook >= 0)
		close(hook);
	if (output >= 0)
		close(output);
	return rc;
}

void acme_on_order_ans(struct acme *a, uint32_t id, const struct msg_order_ans *m)
{
	struct order *o = order_by_id(a, id);
	char path[ACME_PATH_MAX], text[128];

	if (!o || o->stage != ORDER_ASKED)
		return;
	if (*m->error) {
		fail(a, o, m->error);
		return;
	}
	memcpy(o->key_id, m->key_id.data, KEY_ID_BYTES);
	int rc = m->key_id.size == KEY_ID_BYTES ? acme_add_key_ids(&a->keys, m->key_id) : -EBADMSG;
	acme_sort_key_ids(&a->keys);
	if (rc == 0)
		rc = acme_add_key_ids(&a->coming, m->key_id);	/* whoever looked for keys may have come before this one was made */
	if (rc == 0)
		rc = acme_files_put_request(&a->files, (int)(o - a->orders), m->csr.data, m->csr.size, path);
	if (rc == 0)
		rc = start_uacme(a, o, path);
	if (rc < 0) {
		snprintf(text, sizeof text, "uacme could not be started: %s", strerror(-rc));
		fail(a, o, text);
		return;
	}
	o->stage = ORDER_RUNS;
	o->deadline_ns = ledger_now_ns() + a->settings.timeout_ms * 1000000ull + GRACE_S * 1000000000ull;
}

/* On the disk it has failed until it has not: a process that ends again and again must not burn a CA's rate limit. */
static void note_order(struct acme *a, struct acme_name *name, int64_t now)
{
	struct record was = name->rec;

	name->rec.failures++;
	name->rec.next = now + acme_backoff(name->rec.failures, false, (uint32_t)random());
	snprintf(name->rec.error, sizeof name->rec.error, "tlsward ended before it was done");
	acme_keep_record(a, name);
	name->rec = was;
}

void acme_begin_order(struct acme *a, struct order *o, struct acme_name *name, int64_t now)
{
	struct msg m = { .type = MSG_ORDER_REQ, .id = ++a->ids, .order_req = { .name = name->rec.id } };

	order_init(o);
	o->stage = ORDER_ASKED;
	o->id = a->ids;
	o->name = name;
	o->deadline_ns = ledger_now_ns() + ASK_S * 1000000000ull;
	name->running = name->changed = true;
	name->asked = false;
	name->rec.tried = now;
	snprintf(name->rec.url, sizeof name->rec.url, "%s", a->settings.directory);
	acme_note_begun(a, now);
	note_order(a, name, now);
	int rc = msg_send(a->ch, &m, NULL, 0);
	if (rc < 0)
		a->failed = rc;
}

/* ---- the loop ---- */

void acme_order_turn(struct acme *a, struct order *o, uint64_t now_ns)
{
	char packet[HOOK_PACKET_MAX];
	struct hook_call call;

	order_read_output(o);
	if (o->waits == ORDER_WAITS_NOT && order_read_hook(o, packet, &call))
		on_hook(a, o, &call);
	if (now_ns < o->deadline_ns)
		return;
	if (o->stage == ORDER_ASKED)
		fail(a, o, "policy and keeper were asked and did not answer");
	else
		a->failed = -ETIMEDOUT;		/* the runner has gone wrong */
}
