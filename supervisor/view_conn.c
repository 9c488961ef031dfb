/* SPDX-License-Identifier: BSD-2-Clause */
/* One connection record as JSON. The record is a copy: its writer may be mad. */
#include <stdio.h>

#include "common/addr.h"
#include "common/deadlines.h"
#include "supervisor/listen_again.h"
#include "supervisor/view.h"

static uint64_t ms_between(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (to_ns - from_ns) / 1000000 : 0;
}

/* What is empty is null. */
static void set_text(json_t *o, const char *key, const char *text)
{
	view_set(o, key, text[0] != '\0' ? view_text(text) : json_null());
}

static void set_tls(json_t *o, const struct ledger_conn *c)
{
	char cipher[8];

	set_text(o, "tls", c->tls_version == 0x0304 ? "1.3" : c->tls_version == 0x0303 ? "1.2" : "");
	snprintf(cipher, sizeof cipher, "0x%04x", c->cipher);
	set_text(o, "cipher", c->cipher ? cipher : "");
	view_set(o, "resumed", json_boolean(c->resumed));
	if (c->alert_sent)
		view_set(o, "alert_sent", json_integer(c->alert_sent - 1));
	if (c->alert_received)
		view_set(o, "alert_received", json_integer(c->alert_received - 1));
}

static void set_amounts(json_t *o, const struct ledger_conn *c)
{
	view_set(o, "bytes_up", view_u64(c->bytes_up));
	view_set(o, "bytes_down", view_u64(c->bytes_down));
	view_set(o, "wakeups", view_u64(c->wakeups));
	view_set(o, "spurious_wakeups", view_u64(c->spurious));
	view_set(o, "descriptors", json_integer(c->fds));
}

static void set_live_times(json_t *o, const struct ledger_conn *c, uint64_t now_ns)
{
	view_set(o, "age_ms", view_u64(ms_between(c->accepted_ns, now_ns)));
	view_set(o, "phase_ms", view_u64(ms_between(c->phase_since_ns, now_ns)));
	view_set(o, "idle_ms", view_u64(ms_between(c->last_progress_ns ? c->last_progress_ns : c->accepted_ns, now_ns)));
	view_set(o, "client_closed", json_boolean(c->client_closed));
	view_set(o, "backend_closed", json_boolean(c->backend_closed));
	if (c->deadline >= DEADLINE_COUNT)
		return;
	view_set(o, "deadline", json_string(deadline_name(c->deadline)));
	/* Negative: it should have ended by now. */
	view_set(o, "deadline_in_ms", json_integer(c->deadline_ns >= now_ns ? (json_int_t)ms_between(now_ns, c->deadline_ns)
		: -(json_int_t)ms_between(c->deadline_ns, now_ns)));
}

/* How long each phase took that it reached: until the next thing that happened. */
static void set_durations(json_t *o, const struct ledger_conn *c)
{
	static const char *const names[] = { "hello_ms", "handshake_ms", "connect_ms", "relay_ms", "closing_ms" };
	const uint64_t at[] = { c->accepted_ns, c->hello_ns, c->handshake_ns, c->connected_ns, c->closing_ns, c->ended_ns };
	json_t *durations = json_object();

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		size_t next = i + 1;
		while (next < sizeof at / sizeof at[0] - 1 && at[next] == 0)
			next++;
		if (at[i] != 0)
			view_set(durations, names[i], view_u64(ms_between(at[i], at[next])));
	}
	view_set(o, "durations", durations);
}

static void set_ended_times(json_t *o, const struct ledger_conn *c, uint64_t now_ns)
{
	uint64_t duration = ms_between(c->accepted_ns, c->ended_ns);

	view_set(o, "age_ms", view_u64(duration));
	view_set(o, "duration_ms", view_u64(duration));
	view_set(o, "ended_ms_ago", view_u64(ms_between(c->ended_ns, now_ns)));
	set_durations(o, c);
}

json_t *view_conn(const struct supervisor *s, const struct child *w, const struct ledger_conn *c,
	bool whole, bool ended, uint64_t now_ns)
{
	char peer[ADDR_TEXT];
	json_t *o = json_object();

	view_set(o, "id", view_u64(c->id));
	view_set(o, "worker", json_integer(w->index));
	view_set(o, "phase", json_string(phase_name(c->phase)));
	view_set(o, "end", c->end != END_NONE ? json_string(end_name(c->end)) : json_null());
	set_text(o, "detail", c->detail);
	view_set(o, "peer", view_text(addr_text((const struct sockaddr *)&c->peer, peer)));
	set_text(o, "listener", listen_name(s, c->listener));
	set_text(o, "sni", c->sni);
	set_text(o, "alpn", c->alpn);
	set_tls(o, c);
	set_text(o, "backend", c->backend);
	set_text(o, "server", c->server);
	set_text(o, "policy", c->policy);
	if (c->truncated)
		view_set(o, "truncated", json_true());
	set_amounts(o, c);
	if (ended)
		set_ended_times(o, c, now_ns);
	else
		set_live_times(o, c, now_ns);
	if (!whole)
		view_set(o, "torn", json_true());
	if (!ended && !w->pid)
		view_set(o, "worker_gone", json_true());
	return o;
}
