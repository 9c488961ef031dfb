/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of a connection whose ClientHello is complete: asks the policy,
 * chooses certificate and backend, holds it where what it needs may come, and
 * only then starts TLS.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/addr.h"
#include "common/text.h"
#include "workers/worker/acme.h"
#include "workers/worker/conn.h"
#include "workers/worker/holds.h"

/* ---- the policy ---- */

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

/* ---- the certificate ---- */

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

/* ---- deciding ---- */

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
		opening_handshake(c, data, size);
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

void deciding_start(struct conn *c, const struct hello *hello, const uint8_t *data, size_t size)
{
	if (acme_is_challenge(c->w, hello))
		answer_challenge(c, hello, data, size);
	else
		decide(c, hello, data, size);
}

void deciding_again(struct conn *c)
{
	struct hello hello;

	hello_init(&hello);
	if (hello_parse(c->held->data, c->held->size, &hello) == HELLO_DONE)
		decide(c, &hello, c->held->data, c->held->size);
	else
		conn_end(c, END_INTERNAL, ALERT_INTERNAL_ERROR);
}
