/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the first byte to the end of the handshake: gathers the ClientHello,
 * has it decided upon (deciding.c), and goes on with TLS.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/text.h"
#include "workers/worker/conn.h"
#include "workers/worker/gone.h"
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

/* An alert of its own says more than its RST. */
static bool end_if_gone(struct conn *c, const uint8_t *data, size_t size)
{
	int err = gone_says_why(data, size) ? 0 : gone_error(c->client.fd);

	if (err < 0)
		conn_client_failed(c, err);
	return err < 0;
}

void opening_handshake(struct conn *c, const uint8_t *data, size_t size)
{
	uint8_t alert = 0;
	const char *text = "";
	int rc;

	if (end_if_gone(c, data, size))
		return;
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

/* ---- the ClientHello ---- */

/* The ClientHello is complete, data holds it and whatever came with it. */
static void complete(struct conn *c, const struct hello *hello, const uint8_t *data, size_t size)
{
	ledger_count(&c->w->self.ledger, COUNT_HELLOS);
	conn_set_phase(c, PHASE_HANDSHAKE);
	ledger_conn_begin(c->rec);
	text_copy(c->rec->sni, sizeof c->rec->sni, hello->sni);
	ledger_conn_end(c->rec);
	deciding_start(c, hello, data, size);
}

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
			opening_handshake(c, c->w->scratch, size);
	} else if (c->wait) {
		read_more(c);
	} else {
		read_first(c);
	}
}
