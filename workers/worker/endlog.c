/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/endlog.h"

#include <stdio.h>

#include "common/addr.h"
#include "common/log.h"

static void put_phase(struct log_line *l, const char *key, uint64_t from_ns, uint64_t to_ns)
{
	if (from_ns && to_ns >= from_ns)
		log_ms(l, key, (to_ns - from_ns) / 1000000u);
}

/* The first of those that has happened. */
static uint64_t first_of(uint64_t a, uint64_t b, uint64_t c)
{
	return a ? a : b ? b : c;
}

static void put_durations(struct log_line *l, const struct ledger_conn *r)
{
	uint64_t end = r->ended_ns, closing = r->closing_ns;

	put_phase(l, "hello_s", r->accepted_ns, first_of(r->hello_ns, closing, end));
	put_phase(l, "handshake_s", r->hello_ns, first_of(r->handshake_ns, closing, end));
	put_phase(l, "connect_s", r->handshake_ns, first_of(r->connected_ns, closing, end));
	put_phase(l, "relay_s", r->connected_ns, first_of(closing, end, 0));
	put_phase(l, "closing_s", closing, end);
}

static void put_tls(struct log_line *l, const struct conn *c)
{
	const struct ledger_conn *r = c->rec;
	const char *cipher;

	if (!r->tls_version)
		return;
	tls_cipher(&c->tls, &cipher);
	log_str(l, "alpn", r->alpn);
	log_str(l, "tls", tls_version_text(r->tls_version));
	log_str(l, "cipher", cipher);
	log_u64(l, "resumed", r->resumed);
}

static void put_optional(struct log_line *l, const char *key, const char *value)
{
	if (value[0])
		log_str(l, key, value);
}

void endlog_write(const struct conn *c)
{
	const struct ledger_conn *r = c->rec;
	struct log_line l;
	char text[ADDR_TEXT];

	if (!c->w->settings.log_connections)
		return;
	log_begin(&l, LOG_LEVEL_INFO, "connection ended");
	log_u64(&l, "id", r->id);
	log_str(&l, "end", end_name(c->end));
	log_str(&l, "peer", addr_text((const struct sockaddr *)&r->peer, text));
	log_str(&l, "listener", c->listener->name);
	put_optional(&l, "sni", r->sni);
	put_tls(&l, c);
	log_u64(&l, "up", r->bytes_up);
	log_u64(&l, "down", r->bytes_down);
	put_durations(&l, r);
	put_optional(&l, "backend", r->backend);
	put_optional(&l, "server", r->server);
	if (r->alert_sent)
		log_u64(&l, "alert_sent", r->alert_sent - 1u);
	if (r->alert_received)
		log_u64(&l, "alert_received", r->alert_received - 1u);
	if (r->truncated)
		log_u64(&l, "truncated", 1);
	if (c->end == END_REFUSED)
		put_optional(&l, "policy", r->policy);
	put_optional(&l, "detail", r->detail);
	log_end(&l);
}
