/* SPDX-License-Identifier: BSD-2-Clause */
/* The method `fetch`: missing certificates, past the wait for their next try. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/chains.h"
#include "common/names.h"
#include "supervisor/catalog_walk.h"
#include "supervisor/fetches.h"
#include "supervisor/methods.h"
#include "supervisor/view.h"

const struct param fetch_params[] = {
	{ "what", PARAM_STRING, false, 0, 0, "the URL, or a host name whose chain is incomplete, or whose certificate is to be ordered; all without it" },
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

static bool fetch_host(struct call *call, const char *given, json_t *urls)
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
	}
	return true;
}

json_t *method_fetch(struct call *call)
{
	const char *what = json_string_value(json_object_get(call->params, "what"));
	bool good = true;

	if (!child_runs(&call->s->librarian))
		return call_fail(call, RPC_FAILED, "the librarian is being started anew");
	json_t *urls = json_array();
	if (!what)
		fetch_all(call->s, urls);
	else if (strstr(what, "://"))
		fetch_one(call->s, what, urls);
	else
		good = fetch_host(call, what, urls);
	if (good)
		return json_pack("{s:o}", "urls", urls);
	json_decref(urls);
	return NULL;
}
