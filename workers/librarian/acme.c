/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/acme.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/hostset.h"
#include "common/ledger.h"
#include "common/log.h"
#include "workers/librarian/acme_files.h"
#include "workers/librarian/acme_segment.h"
#include "workers/librarian/acme_when.h"
#include "workers/librarian/certs.h"
#include "workers/librarian/file.h"
#include "workers/librarian/order.h"

#define HOUR_S 3600
#define ASK_S 30		/* for policy and keeper to answer */
#define GRACE_S 10		/* for the runner to tell that time was over */
#define LATE_S (14 * 86400)	/* a certificate that is not renewed so long before its end is a warning */
#define PER_HOUR_MAX 1000

struct settings {
	bool on, on_demand;
	enum acme_challenge challenge;
	uint32_t timeout_ms, per_hour;
	char directory[1025], contact[256], webroot[MSG_PATH_MAX + 1];
};

/* Ids of keys that the keeper has; sorted once they are known. */
struct key_ids {
	uint8_t *list;
	size_t n;
	bool known;
};

struct acme {
	struct channel *ch;		/* to the supervisor; lent */
	struct channel runner;
	pid_t runner_pid;
	struct settings settings;
	int hook;			/* the program; owned; -1: none yet */
	struct hostset *lists[ACME_LISTS];	/* or NULL */
	struct acme_files files;
	bool files_good;
	struct acme_names names;
	struct key_ids keys, coming;	/* those that are there, and those that are being told */
	struct order orders[RUNNER_ORDERS_MAX];
	uint32_t ids, challenges;	/* the last order's id; generation of the challenges */
	int64_t begun[PER_HOUR_MAX];	/* when orders were; a ring */
	size_t begun_at;
	int64_t looked;			/* for what is due */
	bool serve_anew, sent;		/* certificates have changed; the supervisor has a segment, or waits for it */
	bool listed;			/* the lists have all come: until then all that is there serves */
	bool settled;			/* so have the settings that belong to them: before that nothing is ordered */
	bool put_told;			/* a warning that records cannot be written */
	int failed;			/* negative errno */
};

/* ---- key ids ---- */

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, KEY_ID_BYTES);
}

static int add_ids(struct key_ids *k, struct bytes ids)
{
	uint8_t *list = realloc(k->list, k->n * KEY_ID_BYTES + ids.size + 1);

	if (!list)
		return -ENOMEM;
	if (ids.size > 0)
		memcpy(list + k->n * KEY_ID_BYTES, ids.data, ids.size);
	k->list = list;
	k->n += ids.size / KEY_ID_BYTES;
	return 0;
}

static void sort_ids(struct key_ids *k)
{
	if (k->n > 0)
		qsort(k->list, k->n, KEY_ID_BYTES, compare_ids);
}

/* Of a process that has not been told any, all count as there: these certificates have served before. */
static bool has_key(const struct acme *a, const struct acme_name *name)
{
	return !a->keys.known || (a->keys.n > 0 && bsearch(name->key_id, a->keys.list, a->keys.n, KEY_ID_BYTES, compare_ids));
}

static void drop_without_key(struct acme *a)
{
	for (size_t i = 0; i < a->names.n; i++) {
		struct acme_name *name = a->names.list[i];
		if (!name->pem || has_key(a, name))
			continue;
		log_warning("the private key of the certificate for %s is gone: another one is ordered", name->rec.id);
		acme_name_set_pem(name, NULL, 0);
		name->changed = true;
	}
}

static void use_keys(struct acme *a)
{
	free(a->keys.list);
	a->keys = a->coming;
	a->coming = (struct key_ids){ .n = 0 };
	a->keys.known = true;
	sort_ids(&a->keys);
	drop_without_key(a);
	a->serve_anew = a->sent = true;
}

int acme_key_ids(struct acme *a, const struct msg_own_key_ids *m)
{
	int rc = add_ids(&a->coming, m->ids);

	if (rc == 0 && m->last)
		use_keys(a);
	return rc;
}

void acme_review(struct acme *a)
{
	a->serve_anew = true;
}

/* ---- names ---- */

static bool is_listed(const struct acme *a, const char *name)
{
	for (int i = 0; i < ACME_LISTS; i++)
		if (a->lists[i] && hostset_contains(a->lists[i], name))
			return true;
	return false;
}

static void list_names(struct acme *a, const struct hostset *set)
{
	for (uint32_t i = 0; set && i < hostset_slots(set); i++) {
		const char *name = hostset_exact(set, i);
		if (name && !acme_names_get(&a->names, name)) {
			log_warning("more names than %d, or longer than %d bytes: for %s and others no certificate is ordered",
				ACME_NAMES_MAX, ACME_NAME_MAX, name);
			return;
		}
	}
}

static void review_names(struct acme *a)
{
	for (int i = 0; i < ACME_LISTS; i++)
		list_names(a, a->lists[i]);
	for (size_t i = 0; i < a->names.n; i++) {
		struct acme_name *name = a->names.list[i];
		bool listed = is_listed(a, name->rec.id);
		name->changed |= listed != name->listed || listed;
		name->listed = listed;
	}
	a->serve_anew = true;
	a->looked = 0;
}

int acme_names(struct acme *a, const struct msg_acme_names *m, int list)
{
	if (m->list >= ACME_LISTS) {
		if (list >= 0)
			close(list);
		return -EBADMSG;
	}
	a->settled = false;
	hostset_unref(a->lists[m->list]);
	a->lists[m->list] = list < 0 ? NULL : hostset_load(list);
	review_names(a);
	return list >= 0 && !a->lists[m->list] ? -errno : 0;
}

int acme_settings(struct acme *a, const struct msg_acme_settings *m, int hook)
{
	struct settings *s = &a->settings;

	if (a->hook >= 0)
		close(a->hook);
	a->hook = hook;
	*s = (struct settings){ .on = m->on, .on_demand = m->on_demand, .challenge = m->challenge, .timeout_ms = m->timeout_ms,
		.per_hour = m->per_hour > PER_HOUR_MAX ? PER_HOUR_MAX : m->per_hour };
	snprintf(s->directory, sizeof s->directory, "%s", m->directory);
	snprintf(s->contact, sizeof s->contact, "%s", m->contact);
	snprintf(s->webroot, sizeof s->webroot, "%s", m->webroot);
	a->looked = 0;
	a->listed = a->settled = a->serve_anew = true;
	return 0;
}

/* ---- certificates and records ---- */

/* Returns why it cannot serve, or "". */
static const char *take_certificate(struct acme_name *name, const char *text, size_t size, struct certs *c)
{
	bool covers = false;

	if (certs_parse(c, text, size, time(NULL)) < 0)
		return c->error;
	for (uint32_t i = 0; i < c->names_n; i++)
		covers |= strcmp(c->names[i], name->rec.id) == 0;
	if (!covers)
		return "it is not for this name";
	char *copy = malloc(size);
	if (!copy)
		return "memory ran out";
	memcpy(copy, text, size);
	acme_name_set_pem(name, copy, size);
	memcpy(name->key_id, c->key_id, sizeof name->key_id);
	name->not_before = c->not_before;
	name->not_after = c->not_after;
	return "";
}

static void on_certificate(void *data, const char *file, const char *text, size_t size)
{
	struct acme *a = data;
	struct acme_name *name = acme_names_get(&a->names, file);
	struct certs c = { .names_n = 0 };

	if (!name)
		return;
	const char *why = take_certificate(name, text, size, &c);
	if (*why)
		acme_files_set_aside(&a->files, file, why);
	certs_clear(&c);
}

static void note_begun(struct acme *a, int64_t when)
{
	a->begun[a->begun_at] = when;
	a->begun_at = (a->begun_at + 1) % PER_HOUR_MAX;
}

static void on_record(void *data, const struct record *r)
{
	struct acme *a = data;
	struct acme_name *name = r->kind == RECORD_ACME ? acme_names_get(&a->names, r->id) : NULL;
	int64_t now = time(NULL);

	if (!name)
		return;
	name->rec = *r;
	name->rec.body = (struct bytes){ 0 };
	if (r->tried > now - HOUR_S && r->tried <= now)
		note_begun(a, r->tried);
}

static void keep_record(struct acme *a, struct acme_name *name)
{
	struct log_line l;
	int rc = a->files.orders ? cache_put(a->files.orders, &name->rec) : -ENOENT;

	if (rc < 0 && !a->put_told) {
		log_begin(&l, LOG_LEVEL_WARNING, "what came of an order cannot be written down; after a restart it is tried sooner than it should be");
		log_str(&l, "name", name->rec.id);
		log_str(&l, "why", strerror(-rc));
		log_end(&l);
	}
	a->put_told = rc < 0;
}

/* What was written down before the last order ended well, whose certificate is there. */
static void forget_old_failures(struct acme *a)
{
	int64_t now = time(NULL);

	for (size_t i = 0; i < a->names.n; i++) {
		struct acme_name *name = a->names.list[i];
		if (!name->pem || now >= acme_renewal(name->rec.id, name->not_before, name->not_after))
			continue;
		name->rec.failures = 0;
		name->rec.next = 0;
		name->rec.error[0] = '\0';
	}
}

void acme_begin(struct acme *a, int cache)
{
	static const struct acme_files_ops ops = { .on_record = on_record, .on_certificate = on_certificate };

	if (a->files_good)
		return;
	int rc = acme_files_open(&a->files, cache);
	a->files_good = rc == 0;
	if (rc == 0)
		acme_files_load(&a->files, &ops, a);
	else if (cache >= 0)
		log_warning("the folder of ordered certificates cannot be used: %s", strerror(-rc));
	forget_old_failures(a);
	review_names(a);
}

static bool is_served(void *data, const struct acme_name *name)
{
	const struct acme *a = data;

	return (name->listed || !a->listed) && has_key(a, name);
}

void acme_want_staples(const struct acme *a, struct staples *s)
{
	for (size_t i = 0; i < a->names.n; i++)
		if (a->names.list[i]->stapled)
			staples_want(s, a->names.list[i]->cert_id);
}

int acme_serve(struct acme *a, const struct round *r, int64_t now)
{
	struct msg m = { .type = MSG_ORDERED };

	if (!a->serve_anew)
		return 0;
	a->serve_anew = false;
	int fd = acme_segment_ordered(&a->names, is_served, a, r, now, &m.ordered);
	if (fd < 0 && fd != -ENOENT)
		return fd;
	if (fd < 0 && !a->sent)
		return 0;
	a->sent = fd >= 0;
	int rc = msg_send(a->ch, &m, &fd, fd >= 0);
	if (fd >= 0)
		close(fd);
	return rc < 0 ? rc : 1;
}

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

static void begin_http(struct acme *a, struct order *o, const struct hook_call *call)
{
	const char *why = "";
	int rc = order_put_file(o, a->settings.webroot, call, &why);

	if (rc < 0)
		log_warning("a challenge for %s cannot be answered: %s: %s", o->name->rec.id, why, strerror(-rc));
	order_answer_hook(o, rc == 0);
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
	keep_record(a, o->name);
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
	keep_record(a, o->name);
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
		why = take_certificate(o->name, pem, size, &again);
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

static void on_result(struct acme *a, const struct runner_result *r)
{
	struct order *o = order_by_id(a, r->id);

	if (!o || o->stage != ORDER_RUNS)
		return;
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
	int rc = m->key_id.size == KEY_ID_BYTES ? add_ids(&a->keys, m->key_id) : -EBADMSG;
	sort_ids(&a->keys);
	if (rc == 0)
		rc = add_ids(&a->coming, m->key_id);	/* whoever looked for keys may have come before this one was made */
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
	keep_record(a, name);
	name->rec = was;
}

static void begin(struct acme *a, struct order *o, struct acme_name *name, int64_t now)
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
	note_begun(a, now);
	note_order(a, name, now);
	int rc = msg_send(a->ch, &m, NULL, 0);
	if (rc < 0)
		a->failed = rc;
}

/* ---- what is due ---- */

static uint32_t begun_since(const struct acme *a, int64_t since)
{
	uint32_t n = 0;

	for (size_t i = 0; i < PER_HOUR_MAX; i++)
		n += a->begun[i] > since;
	return n;
}

/* What a file has a certificate for is the operator's own affair. */
static bool is_due(const struct acme *a, const struct round *r, const struct acme_name *name, int64_t now)
{
	bool waits = now < name->rec.next && name->rec.next - now <= 2 * ACME_BACKOFF_MAX_S;	/* else the clock was wrong */

	if (!name->listed || name->running || waits)
		return false;
	if (name->pem)
		return now >= acme_renewal(name->rec.id, name->not_before, name->not_after) && !acme_segment_has_file(r, name->rec.id);
	return (!a->settings.on_demand || name->asked) && !acme_segment_has_file(r, name->rec.id);
}

/* The first order with a CA makes the account; others wait for it. */
static struct order *free_order(struct acme *a)
{
	char confdir[ACME_PATH_MAX];
	struct order *free = NULL;
	bool any = false;

	for (int i = 0; i < RUNNER_ORDERS_MAX; i++) {
		any |= a->orders[i].stage != ORDER_FREE;
		if (!free && a->orders[i].stage == ORDER_FREE)
			free = &a->orders[i];
	}
	return free && any && !acme_files_account(&a->files, a->settings.directory, confdir) ? NULL : free;
}

static void warn_late(struct acme_name *name, int64_t now)
{
	struct log_line l;

	if (!name->pem || !name->listed || name->told_late || name->rec.failures == 0 || name->not_after - now > LATE_S)
		return;
	name->told_late = true;
	log_begin(&l, LOG_LEVEL_WARNING, "a certificate ends soon and is not renewed");
	log_str(&l, "name", name->rec.id);
	log_i64(&l, "days", (name->not_after - now) / 86400);
	log_str(&l, "error", name->rec.error);
	log_end(&l);
}

static void begin_due(struct acme *a, const struct round *r, int64_t now)
{
	struct order *o;

	for (size_t i = 0; i < a->names.n; i++) {
		struct acme_name *name = a->names.list[i];
		warn_late(name, now);
		if (!is_due(a, r, name, now))
			continue;
		if (begun_since(a, now - HOUR_S) >= a->settings.per_hour || !(o = free_order(a)))
			return;
		begin(a, o, name, now);
	}
}

void acme_wanted(struct acme *a, const char *given)
{
	struct acme_name *name = a->settings.on_demand && is_listed(a, given) ? acme_names_get(&a->names, given) : NULL;

	if (!name || name->pem)
		return;
	name->listed = true;
	name->asked = true;
	a->looked = 0;
}

void acme_now(struct acme *a, const char *given)
{
	struct acme_name *name = is_listed(a, given) ? acme_names_get(&a->names, given) : NULL;

	if (!name || name->running)
		return;
	name->listed = name->asked = true;
	name->rec.next = 0;
	a->looked = 0;
}

/* ---- the loop ---- */

void acme_poll(const struct acme *a, struct pollfd *fds)
{
	*fds++ = (struct pollfd){ .fd = a->runner.fd, .events = POLLIN | (channel_pending(&a->runner) > 0 ? POLLOUT : 0) };
	for (int i = 0; i < RUNNER_ORDERS_MAX; i++) {
		*fds++ = (struct pollfd){ .fd = a->orders[i].hook, .events = POLLIN };
		*fds++ = (struct pollfd){ .fd = a->orders[i].output, .events = POLLIN };
	}
}

static void order_turn(struct acme *a, struct order *o, uint64_t now_ns)
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

int acme_turn(struct acme *a, const struct round *round, uint64_t now_ns)
{
	struct runner_result r;
	int64_t now = time(NULL);
	int rc;

	channel_flush(&a->runner);
	for (int i = 0; i < RUNNER_ORDERS_MAX; i++)
		if (a->orders[i].stage != ORDER_FREE)
			order_turn(a, &a->orders[i], now_ns);
	while ((rc = runner_result(&a->runner, &r)) == 0)
		on_result(a, &r);
	if (rc != -EAGAIN)
		a->failed = rc;
	if (a->failed == 0 && now != a->looked && a->settled && a->settings.on && a->files_good) {
		a->looked = now;
		begin_due(a, round, now);
	}
	return a->failed;
}

static bool is_told(const struct acme_name *name)
{
	return name->listed && (name->running || name->rec.failures > 0 || !name->pem);
}

static int tell(const struct acme_name *name, struct channel *ch)
{
	const struct record *r = &name->rec;
	char url[sizeof ACME_URL + sizeof r->id];
	struct msg m = { .type = MSG_FETCH_STATE, .fetch_state = { .url = url, .error = r->error, .tried = (uint64_t)r->tried,
		.next = (uint64_t)r->next, .failures = r->failures, .wanted = is_told(name), .running = name->running } };

	snprintf(url, sizeof url, ACME_URL "%s", r->id);
	return msg_send(ch, &m, NULL, 0);
}

int acme_tell(struct acme *a, int limit)
{
	int rc = 0;

	for (size_t i = 0; i < a->names.n && rc == 0 && channel_pending(a->ch) < limit; i++) {
		if (!a->names.list[i]->changed)
			continue;
		rc = tell(a->names.list[i], a->ch);
		a->names.list[i]->changed = rc < 0;
	}
	return rc;
}

struct acme *acme_new(struct channel *ch, bool sandbox)
{
	struct acme *a = calloc(1, sizeof *a);

	if (!a)
		return NULL;
	a->ch = ch;
	a->hook = -1;
	a->files = (struct acme_files){ .dir = -1, .certs = -1, .work = -1 };
	for (int i = 0; i < RUNNER_ORDERS_MAX; i++)
		order_init(&a->orders[i]);
	int rc = runner_start(&a->runner, &a->runner_pid, sandbox);
	if (rc == 0)
		return a;
	free(a);
	errno = -rc;
	return NULL;
}

void acme_free(struct acme *a)
{
	if (!a)
		return;
	for (int i = 0; i < RUNNER_ORDERS_MAX; i++)
		order_clear(&a->orders[i]);
	for (int i = 0; i < ACME_LISTS; i++)
		hostset_unref(a->lists[i]);
	if (a->hook >= 0)
		close(a->hook);
	runner_stop(&a->runner, a->runner_pid);
	acme_names_clear(&a->names);
	acme_files_clear(&a->files);
	free(a->keys.list);
	free(a->coming.list);
	free(a);
}
