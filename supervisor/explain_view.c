/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervisor/explain_view.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "supervisor/explain.h"
#include "supervisor/supervisor.h"
#include "supervisor/view.h"

const char *explain_alert(uint8_t alert)
{
	static const struct { uint8_t number; const char *name; } names[] = {
		{ 0, "close_notify" }, { 10, "unexpected_message" }, { 40, "handshake_failure" }, { 42, "bad_certificate" },
		{ 43, "unsupported_certificate" }, { 44, "certificate_revoked" }, { 45, "certificate_expired" },
		{ 46, "certificate_unknown" }, { 47, "illegal_parameter" }, { 48, "unknown_ca" }, { 49, "access_denied" },
		{ 50, "decode_error" }, { 51, "decrypt_error" }, { 70, "protocol_version" }, { 71, "insufficient_security" },
		{ 80, "internal_error" }, { 86, "inappropriate_fallback" }, { 90, "user_canceled" }, { 109, "missing_extension" },
		{ 110, "unsupported_extension" }, { 112, "unrecognized_name" }, { 113, "bad_certificate_status_response" },
		{ 115, "unknown_psk_identity" }, { 116, "certificate_required" }, { 120, "no_application_protocol" },
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i].number == alert)
			return names[i].name;
	return "unknown";
}

/* "" is null: nobody had an opinion. */
static void set_where(json_t *o, const char *where)
{
	view_set(o, "where", *where ? view_text(where) : json_null());
}

static json_t *allow_view(const struct msg_explain_ans *a)
{
	bool opinion = *a->allow_where || !a->allowed;
	json_t *o = json_object();

	view_set(o, "allowed", opinion ? json_boolean(a->allowed) : json_null());

	if (!a->allowed) {
		view_set(o, "alert", json_integer(a->alert));
		view_set(o, "alert_name", json_string(explain_alert(a->alert)));
	}
	set_where(o, a->allow_where);
	return o;
}

static json_t *timeouts_view(const struct msg_explain_ans *a)
{
	json_t *o = json_object(), *seconds = json_object();

	for (int d = 0; d < DEADLINE_COUNT; d++)
		view_set(seconds, deadline_name(d), json_real(a->deadlines.ms[d] / 1e3));
	view_set(o, "seconds", seconds);
	set_where(o, a->timeouts_where);
	return o;
}

static int backend_index(const struct conf *conf, const char *name)
{
	for (int i = 0; i < conf->backends_n; i++)
		if (strcmp(conf->backends[i].name, name) == 0)
			return i;
	return -1;
}

static json_t *route_view(const struct supervisor *s, const struct msg_explain_ans *a)
{
	json_t *o = json_object();
	int i = s ? backend_index(s->conf, a->backend) : -1;

	view_set(o, "backend", *a->backend ? view_text(a->backend) : json_null());
	if (s)
		view_set(o, "known", json_boolean(i >= 0));
	if (i >= 0) {
		json_t *servers = json_array();
		for (char **server = s->conf->backends[i].servers; *server; server++)
			json_array_append_new(servers, view_text(*server));
		view_set(o, "servers", servers);
	}
	set_where(o, a->route_where);
	return o;
}

static json_t *chain_view(const struct msg_explain_ans *a)
{
	json_t *o = json_object();

	view_set(o, "sources", *a->chain ? view_text(a->chain) : json_null());
	set_where(o, a->chain_where);
	return o;
}

/* The lines of a text. */
static json_t *lines_view(const char *text)
{
	json_t *list = json_array();
	char line[MSG_TEXT_MAX];

	while (*text) {
		size_t n = strcspn(text, "\n");
		snprintf(line, sizeof line, "%.*s", (int)n, text);
		json_array_append_new(list, view_text(line));
		text += n + (text[n] == '\n');
	}
	return list;
}

static json_t *certificate_view(const struct msg_explain_ans *a)
{
	uint64_t now = (uint64_t)time(NULL);
	json_t *o;

	if (!*a->certificate)
		return json_null();
	o = json_object();
	view_set(o, "file", view_text(a->certificate));
	view_set(o, "state", json_string(now < a->not_before ? "not valid yet" : now > a->not_after ? "expired" : "valid"));
	view_set(o, "not_before", view_u64(a->not_before));
	view_set(o, "not_after", view_u64(a->not_after));
	json_t *links = lines_view(a->links);
	view_set(o, "certificates", json_integer((json_int_t)json_array_size(links) + 1));
	view_set(o, "chain_state", json_string(chain_state_name(a->state)));
	view_set(o, "links", links);
	view_set(o, "missing", *a->missing ? view_text(a->missing) : json_null());
	view_set(o, "url", *a->url ? view_text(a->url) : json_null());
	return o;
}

json_t *explain_view(const struct supervisor *s, const struct msg_explain_ans *a, const char *host, const char *from, const char *listener)
{
	json_t *o = json_object();

	view_set(o, "host", *host ? view_text(host) : json_null());
	view_set(o, "from", view_text(from));
	view_set(o, "listener", view_text(listener));
	view_set(o, "allow", allow_view(a));
	view_set(o, "timeouts", timeouts_view(a));
	view_set(o, "chain", chain_view(a));
	view_set(o, "route", route_view(s, a));
	if (s)
		view_set(o, "certificate", certificate_view(a));
	view_set(o, "problems", lines_view(a->problems));
	return o;
}
