/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/librarian/acme_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "workers/librarian/acme_segment.h"
#include "workers/librarian/acme_when.h"

#define HOUR_S 3600
#define LATE_S (14 * 86400)	/* a certificate that is not renewed so long before its end is a warning */

/* ---- key ids ---- */

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, KEY_ID_BYTES);
}

int acme_add_key_ids(struct key_ids *k, struct bytes ids)
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

void acme_sort_key_ids(struct key_ids *k)
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
	acme_sort_key_ids(&a->keys);
	drop_without_key(a);
	a->serve_anew = a->sent = true;
}

int acme_key_ids(struct acme *a, const struct msg_own_key_ids *m)
{
	int rc = acme_add_key_ids(&a->coming, m->ids);

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

const char *acme_take_certificate(struct acme_name *name, const char *text, size_t size, struct certs *c)
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
	const char *why = acme_take_certificate(name, text, size, &c);
	if (*why)
		acme_files_set_aside(&a->files, file, why);
	certs_clear(&c);
}

void acme_note_begun(struct acme *a, int64_t when)
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
		acme_note_begun(a, r->tried);
}

void acme_keep_record(struct acme *a, struct acme_name *name)
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
		acme_begin_order(a, o, name, now);
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

int acme_turn(struct acme *a, const struct round *round, uint64_t now_ns)
{
	struct runner_result r;
	int64_t now = time(NULL);
	int rc;

	channel_flush(&a->runner);
	for (int i = 0; i < RUNNER_ORDERS_MAX; i++)
		if (a->orders[i].stage != ORDER_FREE)
			acme_order_turn(a, &a->orders[i], now_ns);
	while ((rc = runner_result(&a->runner, &r)) == 0)
		acme_on_result(a, &r);
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
