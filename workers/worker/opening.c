/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the first byte to the end of the handshake: gathers the ClientHello,
 * asks the policy, chooses the certificate, and only then starts TLS.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/addr.h"
#include "common/text.h"
#include "workers/worker/acme.h"
#include "workers/worker/conn.h"
#include "workers/worker/holds.h"

#define SPARE_WAITS_MAX 64

static struct hello_wait *wait_borrow(struct worker *w)
{
	struct hello_wait *wait = w->spare_waits;

	if (!wait)
		return malloc(sizeof *wait);
	w->spare_waits = wait->next;
	w->spare_waits_n--;
	return wait;
}

void opening_clear(struct conn *c)
{
	struct worker *w = c->w;

	if (c->wait && w->spare_waits_n < SPARE_WAITS_MAX) {
		c->wait->next = w->spare_waits;
		w->spare_waits = c->wait;
		w->spare_waits_n++;
	} else {
		free(c->wait);
	}
	c->wait = NULL;
	holds_end(c);
	free(c->rest);
	c->rest = NULL;
}

/* Reads into at; false if the connection has ended or there was nothing. */
static bool take(struct conn *c, uint8_t *at, size_t cap, size_t *size)
{
	ssize_t n = recv(c->client.fd, at, cap, 0);

	if (n > 0) {
		*size = (size_t)n;
		conn_moved(c);
		c->w->little_ns = c->w->now_ns;		/* a handshake is not to wait either */
		return true;
	}
	if (n == 0)
		conn_end(c, END_CLIENT_LEFT, ALERT_NONE);
	else if (errno != EAGAIN && errno != EINTR)
		conn_client_failed(c, -errno);
	return false;
}

/* ---- handshake ---- */

static void note_session(struct conn *c)
{
	struct ledger_conn *r = c->rec;
	const char *name;

	ledger_conn_begin(r);
	r->tls_version = tls_version(&c->tls);
	r->cipher = tls_cipher(&c->tls, &name);
	r->resumed = tls_resumed(&c->tls);
	tls_alpn(&c->tls, r->alpn);
	ledger_conn_end(r);
	ledger_count(&c->w->self.ledger, r->resumed ? COUNT_HANDSHAKES_RESUMED : COUNT_HANDSHAKES_FULL);
}

static bool keep_rest(struct conn *c)
{
	if (c->tls.in_left == 0)
		return true;
	c->rest = malloc(c->tls.in_left);
	if (!c->rest)
		return false;
	memcpy(c->rest, c->tls.in, c->tls.in_left);
	c->rest_size = c->tls.in_left;
	return true;
}

/* It was all that the CA wanted. */
static void end_challenge(struct conn *c)
{
	tls_goodbye(&c->tls);
	c->goodbye_said = true;
	int rc = relay_flush_client(c);
	if (rc < 0)
		conn_client_failed(c, rc);
	else
		conn_end(c, END_ACME_CHALLENGE, ALERT_NONE);
}

static void handshake_done(struct conn *c)
{
	note_session(c);
	if (c->challenged) {
		end_challenge(c);
		return;
	}
	if (!keep_rest(c)) {
		conn_end(c, END_NO_MEMORY, ALERT_INTERNAL_ERROR);
		return;
	}
	int rc = relay_flush_client(c);
	if (rc < 0)
		conn_client_failed(c, rc);
	else
		connecting_start(c);
}

static void handshake(struct conn *c, const uint8_t *data, size_t size)
{
	uint8_t alert = 0;
	const char *text = "";
	int rc;

	c->tls.in = data;
	c->tls.in_left = size;
	c->w->in_hand = c;
	enum tls_result result = tls_handshake(&c->tls, &alert, &text);
	switch (result) {
	case TLS_OK:
		handshake_done(c);
		break;
	case TLS_AGAIN:
		rc = relay_flush_client(c);
		if (rc < 0)
			conn_client_failed(c, rc);
		break;
	case TLS_ALERT:
		conn_detail(c, text);
		c->rec->alert_received = (uint8_t)(alert + 1);
		conn_end(c, END_CLIENT_ALERT, ALERT_NONE);
		break;
	case TLS_SIGN:
		conn_end(c, c->w->keeper.down ? END_KEEPER_DOWN : END_KEEPER_FAILED, alert);
		break;
	case TLS_MEMORY:
		conn_end(c, END_NO_MEMORY, ALERT_INTERNAL_ERROR);
		break;
	case TLS_NAME:
		conn_detail(c, "the TLS library takes no such name");
		conn_end(c, END_REFUSED, alert);
		break;
	default:
		conn_detail(c, c->tls.name_differs ? "the second ClientHello names another host" : text);
		conn_end(c, END_TLS_ERROR, alert);
		break;
	}
}

/* ---- deciding ---- */

static struct policy_question question(struct conn *c, const struct hello *hello, struct bytes_view *alpn,
	struct catalog_found *found)
{
	struct listener *l = c->listener;
	const char *fallback = l->default_certificate[0] ? l->default_certificate : NULL;
	const char *name = hello->has_sni ? c->rec->sni : NULL, *wanted = name ? name : fallback;

	for (size_t i = 0; i < hello->n_alpn; i++)
		alpn[i] = (struct bytes_view){ hello->alpn_bytes + hello->alpn[i].offset, hello->alpn[i].size };
	return (struct policy_question){
		.sni = name,
		.peer = (const struct sockaddr *)&c->rec->peer,
		.port = addr_port((const struct sockaddr *)&c->rec->peer),
		.listener = l->name,
		.alpn = alpn, .alpn_n = hello->n_alpn,
		.versions = hello->versions, .versions_n = hello->n_versions,
		.ciphers = hello->ciphers, .ciphers_n = hello->n_ciphers,
		.time_s = time(NULL),
		.default_certificate = fallback,
		.backend = l->backend,
		.deadlines = &l->deadlines,
		.chain_sources = &c->w->settings.chain_sources,
		.covered = wanted && catalog_find(&c->w->catalog, wanted, found),
		.listed = name && acme_lists(c->w, name),
	};
}

static bool allowed(struct conn *c, const struct policy_question *q)
{
	struct policy_allow a;

	policy_allow(c->w->policies, q, &a);
	ledger_conn_begin(c->rec);
	text_copy(c->rec->policy, sizeof c->rec->policy, a.where);
	ledger_conn_end(c->rec);
	if (!a.allowed)
		conn_end(c, END_REFUSED, a.alert);
	return a.allowed;
}

static void set_deadlines(struct conn *c, const struct policy_question *q)
{
	struct policy_timeouts a;

	policy_timeouts(c->w->policies, q, &a);
	c->deadlines = a.deadlines;
}

static bool choose_backend(struct conn *c, const struct policy_question *q)
{
	struct policy_route a;

	policy_route(c->w->policies, q, &a);
	struct backend *b = worker_backend(c->w, a.backend);
	if (!b) {
		conn_detail(c, "the policy names a backend that does not exist");
		conn_end(c, END_INTERNAL, ALERT_INTERNAL_ERROR);
		return false;
	}
	c->backend = backend_ref(b);
	ledger_conn_begin(c->rec);
	text_copy(c->rec->backend, sizeof c->rec->backend, b->name);
	ledger_conn_end(c->rec);
	return true;
}

static bool version_suits(struct conn *c, const struct hello *hello)
{
	if (hello_offers_version(hello, 0x0303) || hello_offers_version(hello, 0x0304))
		return true;
	conn_detail(c, "the client offers neither TLS 1.2 nor 1.3");
	conn_end(c, END_TLS_ERROR, HELLO_PROTOCOL_VERSION);
	return false;
}

/* What the policy wants of a chain, and which certificate with which chain came of it. */
struct chosen {
	struct policy_chain wanted;
	const struct catalog_entry *entry;	/* NULL: none that the client accepts */
	struct chain_choice chain;
};

static void choose_certificate(struct conn *c, const struct policy_question *q, const struct hello *hello,
	const struct catalog_found *found, struct chosen *out)
{
	policy_chain(c->w->policies, q, &out->wanted);
	int at = certs_choose(found, hello, &out->wanted.sources, q->time_s, &out->chain);
	out->entry = at < 0 ? NULL : found->entries[at];
}

static bool certificate_suits(struct conn *c, const struct catalog_found *found, const struct chosen *chosen)
{
	char text[sizeof c->rec->detail];

	if (!chosen->entry) {
		conn_detail(c, found->n ? "the client accepts no key that this name has" : "no certificate");
		conn_end(c, END_NO_CERTIFICATE, ALERT_HANDSHAKE_FAILURE);
		return false;
	}
	if (chosen->chain.whole)
		return true;
	if (chosen->wanted.incomplete == CHAIN_SERVE) {
		ledger_count(&c->w->self.ledger, COUNT_CHAINS_INCOMPLETE);
		return true;
	}
	snprintf(text, sizeof text, "no source of its policy has %s", chosen->chain.missing);
	conn_detail(c, text);
	conn_end(c, END_INCOMPLETE_CHAIN, ALERT_HANDSHAKE_FAILURE);
	return false;
}

static struct cert *get_certificate(struct conn *c, const struct catalog_found *found, const struct chosen *chosen)
{
	struct cert *cert = certs_get(c->w->certs, found->segment, chosen->entry, &chosen->chain);

	if (!cert) {
		conn_detail(c, strerror(errno));
		conn_end(c, END_NO_CERTIFICATE, ALERT_INTERNAL_ERROR);
	}
	return cert;
}

static void count_session(struct conn *c, const struct tls *t)
{
	ledger_count(&c->w->self.ledger, COUNT_SESSIONS);
	if (cert_must_staple(t->cert) && !cert_staple(t->cert, time(NULL)))
		ledger_count(&c->w->self.ledger, COUNT_STAPLES_MISSING);
}

static void start_tls(struct conn *c, const struct hello *hello, struct cert *cert)
{
	static const uint8_t challenge[] = "\x0a" ACME_ALPN;
	const uint8_t *alpn = c->challenged ? challenge : c->listener->alpn;
	size_t alpn_size = c->challenged ? sizeof challenge - 1 : c->listener->alpn_size;
	const char *sni = hello->has_sni ? c->rec->sni : NULL;
	int rc = tls_init(&c->tls, c->w->tls, cert, sni, alpn, alpn_size, &c->w->gather);

	cert_unref(cert);
	if (rc < 0)
		conn_end(c, END_NO_MEMORY, ALERT_INTERNAL_ERROR);
	else
		count_session(c, &c->tls);
}

/* ---- holding ---- */

static void hold(struct conn *c, const uint8_t *data, size_t size, uint32_t wait_ms)
{
	switch (holds_begin(c, data, size, wait_ms)) {
	case HOLD_OK:
		if (c->rec->phase != PHASE_HOLD)
			conn_set_phase(c, PHASE_HOLD);
		break;
	case HOLD_NO_TIME:
		conn_end(c, END_HOLD_DEADLINE, ALERT_HANDSHAKE_FAILURE);
		break;
	case HOLD_FULL:
		conn_detail(c, "limits.holds");
		conn_end(c, END_LIMIT_HOLDS, ALERT_INTERNAL_ERROR);
		break;
	case HOLD_NAME_FULL:
		conn_detail(c, "limits.holds_per_name");
		conn_end(c, END_LIMIT_HOLDS, ALERT_INTERNAL_ERROR);
		break;
	case HOLD_NO_MEMORY:
		conn_end(c, END_NO_MEMORY, ALERT_INTERNAL_ERROR);
		break;
	}
}

/* What it needs may come: a certificate for the name, or what its chain lacks. */
static bool must_wait(const struct catalog_found *found, const struct chosen *chosen)
{
	if (chosen->wanted.incomplete != CHAIN_HOLD)
		return false;
	return found->n == 0 || (chosen->entry && !chosen->chain.whole);
}

static void serve(struct conn *c, const struct hello *hello, const struct catalog_found *found, const struct chosen *chosen,
	const uint8_t *data, size_t size)
{
	if (!version_suits(c, hello) || !certificate_suits(c, found, chosen))
		return;
	struct cert *cert = get_certificate(c, found, chosen);
	if (!cert)
		return;
	start_tls(c, hello, cert);
	if (c->end == END_NONE)
		handshake(c, data, size);
}

/* Past every policy: whether the name may have a certificate was asked before it was ordered. */
static void answer_challenge(struct conn *c, const struct hello *hello, const uint8_t *data, size_t size)
{
	struct catalog_found found = { .n = 0 };
	struct chosen chosen = { .entry = NULL };

	if (!hello->has_sni || !acme_find(c->w, c->rec->sni, &found)) {
		conn_detail(c, "no challenge of ACME is open for the name");
		conn_end(c, END_REFUSED, ALERT_UNRECOGNIZED_NAME);
		return;
	}
	c->challenged = true;
	int at = certs_choose(&found, hello, &c->w->settings.chain_sources, time(NULL), &chosen.chain);
	chosen.entry = at < 0 ? NULL : found.entries[at];
	serve(c, hello, &found, &chosen, data, size);
}

/* Asks all there is to ask; for one that was held anew, for all may have changed. */
static void decide(struct conn *c, const struct hello *hello, const uint8_t *data, size_t size)
{
	struct catalog_found found = { .n = 0 };
	struct bytes_view alpn[HELLO_ALPN_MAX];
	struct policy_question q = question(c, hello, alpn, &found);
	struct chosen chosen;

	if (!allowed(c, &q))
		return;
	if (found.n == 0 && q.listed)
		acme_want(c->w, q.sni);
	set_deadlines(c, &q);
	choose_certificate(c, &q, hello, &found, &chosen);
	if (must_wait(&found, &chosen)) {
		hold(c, data, size, chosen.wanted.wait_ms);
		return;
	}
	if (c->rec->phase == PHASE_HOLD)
		conn_set_phase(c, PHASE_HANDSHAKE);
	if (choose_backend(c, &q))
		serve(c, hello, &found, &chosen, data, size);
	holds_end(c);
}

/* The ClientHello is complete, data holds it and whatever came with it. */
static void complete(struct conn *c, const struct hello *hello, const uint8_t *data, size_t size)
{
	ledger_count(&c->w->self.ledger, COUNT_HELLOS);
	conn_set_phase(c, PHASE_HANDSHAKE);
	ledger_conn_begin(c->rec);
	text_copy(c->rec->sni, sizeof c->rec->sni, hello->sni);
	ledger_conn_end(c->rec);
	if (acme_is_challenge(c->w, hello))
		answer_challenge(c, hello, data, size);
	else
		decide(c, hello, data, size);
}

void opening_again(struct conn *c)
{
	struct hello hello;

	hello_init(&hello);
	if (hello_parse(c->held->data, c->held->size, &hello) == HELLO_DONE)
		decide(c, &hello, c->held->data, c->held->size);
	else
		conn_end(c, END_INTERNAL, ALERT_INTERNAL_ERROR);
}

/* ---- the ClientHello ---- */

static void parsed(struct conn *c, enum hello_result result, const struct hello *hello,
	const uint8_t *data, size_t size)
{
	if (result == HELLO_BAD) {
		conn_detail(c, hello->why);
		conn_end(c, END_NOT_TLS, hello->alert);
	} else if (result == HELLO_DONE) {
		complete(c, hello, data, size);
	}
}

static void read_first(struct conn *c)
{
	uint8_t *data = c->w->scratch;
	struct hello hello;
	size_t size;

	if (!take(c, data, HELLO_BUFFER_BYTES, &size))
		return;
	hello_init(&hello);
	enum hello_result result = hello_parse(data, size, &hello);
	if (result != HELLO_AGAIN) {
		parsed(c, result, &hello, data, size);
		return;
	}
	c->wait = wait_borrow(c->w);
	if (!c->wait) {
		conn_end(c, END_NO_MEMORY, ALERT_NONE);
		return;
	}
	c->wait->hello = hello;
	c->wait->size = size;
	memcpy(c->wait->data, data, size);
}

static void read_more(struct conn *c)
{
	struct hello_wait *wait = c->wait;
	size_t size;

	if (!take(c, wait->data + wait->size, sizeof wait->data - wait->size, &size))
		return;
	wait->size += size;
	parsed(c, hello_parse(wait->data, wait->size, &wait->hello), &wait->hello, wait->data, wait->size);
	if (c->rec->phase != PHASE_HELLO && c->wait) {
		uint8_t *rest = c->rest;	/* outlives the buffer */
		c->rest = NULL;
		opening_clear(c);
		c->rest = rest;
	}
}

void opening_readable(struct conn *c)
{
	size_t size;

	if (c->rec->phase == PHASE_HANDSHAKE) {
		if (take(c, c->w->scratch, READ_BYTES_MIN, &size))
			handshake(c, c->w->scratch, size);
	} else if (c->wait) {
		read_more(c);
	} else {
		read_first(c);
	}
}
