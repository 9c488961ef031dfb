/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The methods `hosts` and `host`. The catalog is mapped when it is first asked
 * for, and walked a bounded number of slots in one call, so a page may be
 * short, or empty, and still have a next one.
 */
#include "supervisor/hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/catalog.h"
#include "common/names.h"
#include "supervisor/methods.h"
#include "supervisor/view.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 500
#define BYTES_MAX (900u << 10)	/* of JSON in one answer */
#define SCAN_MAX 32768		/* slots looked at in one call */
#define DAY_S 86400

struct hosts {
	struct catalog catalog;
};

const struct param hosts_params[] = {
	{ "name", PARAM_STRING, false, 0, 0, "a name, or *.example.org for all below example.org" },
	{ "expiring", PARAM_NUMBER, false, 0, 0, "only those of which a certificate ends within so many days, or has ended" },
	{ "limit", PARAM_INTEGER, false, 1, LIMIT_MAX, "names in one answer; without it 100" },
	{ "after", PARAM_OBJECT, false, 0, 0, "the \"next\" of the answer before" },
	{ 0 }
};

const struct param host_params[] = {
	{ "name", PARAM_STRING, true, 0, 0, "a host name as clients ask for it" },
	{ 0 }
};

void hosts_free(struct hosts *h)
{
	if (!h)
		return;
	catalog_clear(&h->catalog);
	free(h);
}

static int map_catalog(struct hosts *h, const int *lent, int n, uint32_t generation)
{
	int fds[CATALOG_SEGMENTS_MAX];

	for (int i = 0; i < n; i++)
		fds[i] = fcntl(lent[i], F_DUPFD_CLOEXEC, 0);
	return catalog_open(&h->catalog, generation, fds, n);
}

/* The catalog that workers have; NULL: there is none, or call has the error. */
static const struct catalog *current(struct call *call)
{
	struct supervisor *s = call->s;
	uint32_t generation = 0;
	const int *fds = NULL;
	int n = material_catalog(s->material, &fds, &generation);

	call_fail(call, RPC_FAILED, "there are no certificates yet");
	if (n == 0)
		return NULL;
	if (!s->hosts)
		s->hosts = calloc(1, sizeof *s->hosts);
	if (!s->hosts)
		return NULL;
	struct catalog *c = &s->hosts->catalog;
	int rc = c->n > 0 && c->generation == generation ? 0 : map_catalog(s->hosts, fds, n, generation);
	if (rc == 0)
		return c;
	call_fail(call, RPC_INTERNAL, "the catalog cannot be mapped: %s", strerror(-rc));
	return NULL;
}

static const char *key_text(const struct catalog_entry *e, char *text, size_t size)
{
	static const char *const curves[] = { [CATALOG_ECDSA_P256] = "P-256", [CATALOG_ECDSA_P384] = "P-384", [CATALOG_ECDSA_P521] = "P-521" };

	if (e->key == CATALOG_RSA)
		snprintf(text, size, "RSA %u", e->key_bits);
	else if (e->key == CATALOG_ED25519)
		snprintf(text, size, "Ed25519");
	else
		snprintf(text, size, "ECDSA %s", e->key <= CATALOG_ECDSA_P521 ? curves[e->key] : "?");
	return text;
}

/* Rounded down, so that 0 is the last day and -1 the one after it. */
static json_int_t days_until(int64_t when, int64_t now)
{
	int64_t left = when - now;

	return (left >= 0 ? left : left - DAY_S + 1) / DAY_S;
}

static int64_t first_end(const struct catalog_found *f)
{
	int64_t end = INT64_MAX;

	for (int i = 0; i < f->n; i++)
		end = f->entries[i]->not_after < end ? f->entries[i]->not_after : end;
	return end;
}

static json_t *host_brief(const char *name, const struct catalog_found *f, int64_t now)
{
	json_t *o = json_object();
	char key[32];

	view_set(o, "name", view_text(name));
	view_set(o, "certificates", json_integer(f->n));
	view_set(o, "key", json_string(key_text(f->entries[0], key, sizeof key)));
	view_set(o, "not_after", json_integer(first_end(f)));
	view_set(o, "days_left", json_integer(days_until(first_end(f), now)));
	view_set(o, "source", view_text(catalog_source(f->segment, f->entries[0])));
	return o;
}

struct walk {
	const struct catalog *catalog;
	const char *pattern;		/* NULL: any */
	bool by_end;
	int64_t now, ends_before;
	size_t limit, looked_at, bytes;
	json_t *list;
	int segment;			/* the next one to look at */
	uint32_t slot;
};

static bool matches(const struct walk *w, const char *name, const struct catalog_found *f)
{
	return (!w->pattern || sni_matches(w->pattern, name)) && (!w->by_end || first_end(f) < w->ends_before);
}

static void add(struct walk *w, json_t *host)
{
	w->bytes += json_dumpb(host, NULL, 0, JSON_COMPACT) + 1;
	json_array_append_new(w->list, host);
}

/* True: the walk is over; false: the page is full. */
static bool walk(struct walk *w)
{
	struct catalog_found f;
	const char *name;

	for (; w->segment < w->catalog->n; w->segment++, w->slot = 0) {
		uint32_t n = catalog_slots(w->catalog, w->segment);
		for (; w->slot < n; w->slot++) {
			if (json_array_size(w->list) >= w->limit || w->bytes >= BYTES_MAX || w->looked_at++ >= SCAN_MAX)
				return false;
			if (catalog_slot(w->catalog, w->segment, w->slot, &name, &f) && matches(w, name, &f))
				add(w, host_brief(name, &f, w->now));
		}
	}
	return true;
}

static bool parse_after(struct call *call, struct walk *w)
{
	const json_t *after = json_object_get(call->params, "after");
	const json_t *segment = json_object_get(after, "segment"), *slot = json_object_get(after, "slot");

	if (!after)
		return true;
	if (!json_is_integer(segment) || !json_is_integer(slot) || json_integer_value(segment) < 0 ||
	    json_integer_value(segment) > CATALOG_SEGMENTS_MAX || json_integer_value(slot) < 0 || json_integer_value(slot) > UINT32_MAX) {
		call_fail(call, RPC_INVALID_PARAMS, "after: must be the \"next\" of the answer before: {\"segment\": N, \"slot\": N}");
		return false;
	}
	w->segment = (int)json_integer_value(segment);
	w->slot = (uint32_t)json_integer_value(slot);
	return true;
}

json_t *method_hosts(struct call *call)
{
	const json_t *limit = json_object_get(call->params, "limit"), *expiring = json_object_get(call->params, "expiring");
	double days = json_number_value(expiring);
	struct walk w = { .pattern = json_string_value(json_object_get(call->params, "name")), .now = time(NULL),
		.by_end = expiring != NULL, .limit = limit ? (size_t)json_integer_value(limit) : LIMIT_DEFAULT };

	w.ends_before = w.now + (int64_t)((days < 1e6 ? days : 1e6) * DAY_S);
	if (!parse_after(call, &w))
		return NULL;
	w.catalog = current(call);
	if (!w.catalog)
		return NULL;
	w.list = json_array();
	bool over = walk(&w);
	json_t *result = json_pack("{s:o}", "hosts", w.list);
	if (!over)
		view_set(result, "next", json_pack("{s:i, s:I}", "segment", w.segment, "slot", (json_int_t)w.slot));
	return result;
}

static json_t *certificates_of(const struct catalog_found *f, int64_t now)
{
	json_t *list = json_array();
	char key[32];

	for (int i = 0; i < f->n; i++) {
		const struct catalog_entry *e = f->entries[i];
		json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:I, s:I, s:b, s:o}",
			"key", key_text(e, key, sizeof key), "not_before", (json_int_t)e->not_before,
			"not_after", (json_int_t)e->not_after, "days_left", days_until(e->not_after, now),
			"chain", (json_int_t)e->chain_n, "staple", e->staple_size > 0,
			"source", view_text(catalog_source(f->segment, e))));
	}
	return list;
}

/* What the ledgers know of those who asked for the name. */
struct seen {
	uint64_t live, ends[END_COUNT];
};

static void count_live(struct seen *seen, const struct ledger *l, const char *name)
{
	struct ledger_conn c;
	unsigned unused = 0;

	for (uint32_t i = 0; i < view_conns_n(l) && unused < VIEW_UNUSED_RUN; i++) {
		const struct ledger_conn *at = &l->conns[i];
		unused = __atomic_load_n(&at->seq, __ATOMIC_RELAXED) == 0 ? unused + 1 : 0;
		if (__atomic_load_n(&at->phase, __ATOMIC_RELAXED) == PHASE_NONE || !ledger_conn_copy(at, &c))
			continue;
		seen->live += c.phase != PHASE_NONE && sni_matches(name, c.sni);
	}
}

static void count_ended(struct seen *seen, const struct ledger *l, const char *name)
{
	struct ledger_conn c;

	for (uint32_t i = 0; i < view_ended_n(l); i++)
		if (__atomic_load_n(&l->ended[i].seq, __ATOMIC_RELAXED) != 0 && ledger_conn_copy(&l->ended[i], &c) &&
		    sni_matches(name, c.sni))
			seen->ends[c.end]++;
}

static json_t *ends_seen(const struct seen *seen)
{
	json_t *o = json_object();

	for (int e = END_NONE + 1; e < END_COUNT; e++)
		if (seen->ends[e] > 0)
			view_set(o, end_name((enum end)e), view_u64(seen->ends[e]));
	return o;
}

static json_t *host_full(const struct supervisor *s, const char *name, const struct catalog_found *f)
{
	struct seen seen = { 0 };
	json_t *o = json_object();

	for (int i = 0; i < s->workers_n; i++) {
		if (s->workers[i].pid)
			count_live(&seen, &s->workers[i].ledger, name);
		count_ended(&seen, &s->workers[i].ledger, name);
	}
	view_set(o, "name", view_text(name));
	view_set(o, "certificates", certificates_of(f, time(NULL)));
	view_set(o, "connections", view_u64(seen.live));
	view_set(o, "refusals", view_u64(seen.ends[END_REFUSED] + seen.ends[END_NO_CERTIFICATE]));
	view_set(o, "ended", ends_seen(&seen));
	return o;
}

json_t *method_host(struct call *call)
{
	const char *given = json_string_value(json_object_get(call->params, "name"));
	const struct catalog *c = current(call);
	struct catalog_found f = { .n = 0 };
	char name[NAME_BYTES];

	if (!c)
		return NULL;
	if (!name_normalize(given, strlen(given), false, name))
		return call_fail(call, RPC_INVALID_PARAMS, "name: \"%.100s\" is no host name", given);
	catalog_find(c, name, &f);
	return host_full(call->s, name, &f);
}
