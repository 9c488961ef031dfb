/* SPDX-License-Identifier: BSD-2-Clause */
/* The method `fetch`: missing certificates, staples and orders, past the wait for their next try. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/chains.h"
#include "common/names.h"
#include "supervisor/catalog_walk.h"
#include "supervisor/fetches.h"
#include "supervisor/methods.h"
#include "supervisor/staples.h"
#include "supervisor/view.h"

#define STAPLES_NAMED_MAX 500	/* in one answer */

const struct param fetch_params[] = {
	{ "what", PARAM_STRING, false, 0, 0, "a URL, of a missing certificate or of a responder, or a host name, which may be to be ordered; all that is missing or failing without it" },
	{ 0 }
};

static void fetch_one(struct supervisor *s, const char *url, json_t *urls)
{
	struct msg m = { .type = MSG_FETCH_REQ, .fetch_req = { .url = url } };

	if (!fetches_find(&s->fetches, url))
		return;
	child_send(&s->librarian, &m, NULL, 0);
	json_array_append_new(urls, view_text(url));
}

/* Of one certificate, or of all with that responder, or of all that are not good. */
static void fetch_staples(struct supervisor *s, const uint8_t *cert_id, const char *url)
{
	struct msg m = { .type = MSG_STAPLE_REQ, .staple_req = { .cert_id = { cert_id, cert_id ? CERT_ID_BYTES : 0 }, .url = url } };

	child_send(&s->librarian, &m, NULL, 0);
}

static void fetch_staple(struct supervisor *s, const struct catalog_segment *segment, const struct catalog_entry *e, json_t *staples)
{
	const struct catalog_staple *staple = catalog_staple(segment, e);
	const struct staple_row *r = staple ? staples_find(&s->staples, staple->cert_id) : NULL;

	if (!r || !*r->url)
		return;
	fetch_staples(s, r->cert_id, "");
	json_array_append_new(staples, view_text(r->url));
}

static void fetch_url(struct supervisor *s, const char *url, json_t *urls, json_t *staples)
{
	fetch_one(s, url, urls);
	if (!staples_know_url(&s->staples, url))
		return;
	fetch_staples(s, NULL, url);
	json_array_append_new(staples, view_text(url));
}

static void fetch_bad_staples(struct supervisor *s, json_t *staples)
{
	size_t at = 0;
	const struct staple_row *r;

	fetch_staples(s, NULL, "");
	while ((r = idmap_next(&s->staples.rows, &at)) != NULL && json_array_size(staples) < STAPLES_NAMED_MAX)
		if (r->state != STAPLE_GOOD && *r->url)
			json_array_append_new(staples, view_text(r->url));
}

static void fetch_order(struct supervisor *s, const char *name, json_t *urls)
{
	char url[sizeof ACME_URL + NAME_BYTES];
	struct msg m = { .type = MSG_FETCH_REQ, .fetch_req = { .url = url } };

	snprintf(url, sizeof url, ACME_URL "%s", name);
	if (!acme_is_listed(s->acme, name))
		return;
	child_send(&s->librarian, &m, NULL, 0);
	json_array_append_new(urls, view_text(url));
}

static void fetch_all(struct supervisor *s, json_t *urls)
{
	for (size_t i = 0; i < s->fetches.n; i++)
		fetch_one(s, s->fetches.rows[i].url, urls);
}

static bool fetch_host(struct call *call, const char *given, json_t *urls, json_t *staples)
{
	struct chain_order order = conf_chain_order(call->s->conf);
	const struct catalog *c = catalog_current(call);
	struct catalog_found f = { .n = 0 };
	struct chain_choice choice;
	char name[NAME_BYTES];

	if (!c)
		return false;
	if (!name_normalize(given, strlen(given), false, name)) {
		call_fail(call, RPC_INVALID_PARAMS, "what: \"%.100s\" is neither a URL nor a host name", given);
		return false;
	}
	catalog_find(c, name, &f);
	if (f.n == 0 || fetches_find_order(&call->s->fetches, name))
		fetch_order(call->s, name, urls);
	for (int i = 0; i < f.n; i++) {
		chain_choose(f.segment, f.entries[i], &order, time(NULL), &choice);
		if (*choice.url)
			fetch_one(call->s, choice.url, urls);
		fetch_staple(call->s, f.segment, f.entries[i], staples);
	}
	return true;
}

json_t *method_fetch(struct call *call)
{
	const char *what = json_string_value(json_object_get(call->params, "what"));
	bool good = true;

	if (!child_runs(&call->s->librarian))
		return call_fail(call, RPC_FAILED, "the librarian is being started anew");
	json_t *urls = json_array(), *staples = json_array();
	if (!what) {
		fetch_all(call->s, urls);
		fetch_bad_staples(call->s, staples);
	} else if (strstr(what, "://")) {
		fetch_url(call->s, what, urls, staples);
	} else {
		good = fetch_host(call, what, urls, staples);
	}
	json_t *answer = json_pack("{s:o, s:o}", "urls", urls, "staples", staples);
	if (good)
		return answer;
	json_decref(answer);
	return NULL;
}
