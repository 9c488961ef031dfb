/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moves bytes between the two sides: read once, decrypt or encrypt all of it,
 * send once; what a socket does not take waits in its spill, and while
 * anything waits for a side, the other is not read. Half-close passes through
 * in both directions.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "workers/worker/conn.h"

#define SHARED_FOR_NS 50000000ull

/* ---- reading and sending ---- */

static size_t read_bytes_max(const struct conn *c)
{
	size_t spill = c->w->settings.spill_conn_bytes;

	if (spill < READ_BYTES_MIN)
		return READ_BYTES_MIN;
	return spill < SCRATCH_BYTES ? spill : SCRATCH_BYTES;
}

/*
 * How much to read from a side now: with many that have something to read, or
 * with some that move little, less from each, so that a turn of the loop stays
 * short for whoever waits for it.
 */
static size_t read_bytes_now(struct conn *c, const struct side *from)
{
	struct worker *w = c->w;
	size_t turn = w->now_ns - w->little_ns < SHARED_FOR_NS ? TURN_BYTES_SHARED : TURN_BYTES;
	size_t share = turn / (w->reads_before ? w->reads_before : 1);

	w->reads_now++;
	if (share < READ_BYTES_MIN)
		share = READ_BYTES_MIN;
	return share < from->read_bytes ? share : from->read_bytes;
}

/* One that moves much finds little, too, now and then, as in a request. */
static void note_read(struct conn *c, size_t size)
{
	if (size < READ_BYTES_MIN && c->client.read_bytes == READ_BYTES_MIN && c->backend_side.read_bytes == READ_BYTES_MIN)
		c->w->little_ns = c->w->now_ns;
}

/* The more a peer takes at once, the more is read for it. */
static void adapt(struct conn *c, struct side *from, bool whole, size_t size)
{
	if (!whole)
		from->read_bytes = from->read_bytes > 4 * READ_BYTES_MIN ? from->read_bytes / 4 : READ_BYTES_MIN;
	else if (size == from->read_bytes && from->read_bytes * 2 <= read_bytes_max(c))
		from->read_bytes *= 2;
}

/*
 * Sends, keeps the rest. more: 0, or MSG_MORE where a FIN follows what was sent
 * whole, to go along with it. *whole: nothing had to be kept. 0 or negative errno.
 */
static int side_send(struct conn *c, struct side *s, const uint8_t *data, size_t size, int more, bool *whole)
{
	struct worker *w = c->w;
	ssize_t n = 0;

	if (size > 0 && spill_left(&s->spill) == 0) {
		do
			n = send(s->fd, data, size, MSG_NOSIGNAL | more);
		while (n < 0 && errno == EINTR);
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n < 0)
			n = 0;
	}
	*whole = (size_t)n == size;
	if (size > 0)
		timing_sent(c, s);
	/* What TLS adds may exceed the cap a little. */
	int rc = spill_append(&s->spill, data + n, size - (size_t)n,
		w->settings.spill_conn_bytes + TLS_EXTRA_BYTES, &w->spill_total);
	ledger_set(&w->self.ledger.head->gauges[GAUGE_SPILL_BYTES], w->spill_total);
	return rc;
}

/* True for errors that are ours, not the peer's. */
static bool end_for_memory(struct conn *c, int err)
{
	if (err == -ENOMEM)
		conn_end(c, END_NO_MEMORY, ALERT_NONE);
	else if (err == -EFBIG)
		conn_end(c, END_LIMIT_SPILL, ALERT_NONE);
	return err == -ENOMEM || err == -EFBIG;
}

static void client_send_failed(struct conn *c, int err)
{
	if (!end_for_memory(c, err))
		conn_client_failed(c, err);
}

static int flush_gathered(struct conn *c, int more, bool *whole)
{
	struct gather *g = &c->w->gather;
	int rc = side_send(c, &c->client, g->data, g->size, more, whole);

	g->size = 0;
	g->overflow = false;
	return rc;
}

int relay_flush_client(struct conn *c)
{
	bool whole;

	return flush_gathered(c, 0, &whole);
}

/* ---- goodbyes ---- */

static void shut(struct conn *c, struct side *s)
{
	if (s->fd >= 0 && !s->shut) {
		shutdown(s->fd, SHUT_WR);
		timing_sent(c, s);
	}
	s->shut = true;
}

/* Passes on what each side's goodbye means as soon as all before it is sent. */
static void pass_goodbyes(struct conn *c)
{
	struct side *client = &c->client, *backend = &c->backend_side;

	if (c->end != END_NONE)
		return;
	if (backend->said_goodbye && spill_left(&client->spill) == 0)
		shut(c, client);
	if (!client->said_goodbye || spill_left(&backend->spill) > 0)
		return;
	if (backend->said_goodbye)	/* the close that follows is its FIN */
		conn_end(c, c->client_first ? END_CLIENT_CLOSED : END_BACKEND_CLOSED, ALERT_NONE);
	else
		shut(c, backend);
}

static void client_said_goodbye(struct conn *c)
{
	c->client.said_goodbye = true;
	c->client_first = !c->backend_side.said_goodbye;
	c->client.last_byte_ns = c->w->now_ns;
	c->rec->client_closed = 1;
	conn_moved(c);
}

static void client_fin(struct conn *c)
{
	c->rec->truncated = 1;
	if (c->goodbye_said || c->w->settings.bare_fin_is_half_close) {
		client_said_goodbye(c);
		pass_goodbyes(c);
	} else {
		conn_end(c, END_CLIENT_TRUNCATED, ALERT_NONE);
	}
}

static void backend_fin(struct conn *c)
{
	c->backend_side.said_goodbye = true;
	c->backend->closes_first = !c->client.said_goodbye;
	c->backend_side.last_byte_ns = c->w->now_ns;
	c->rec->backend_closed = 1;
	conn_moved(c);
	tls_goodbye(&c->tls);
	c->goodbye_said = true;
	bool whole;
	int rc = flush_gathered(c, MSG_MORE, &whole);
	if (rc < 0)
		client_send_failed(c, rc);
	else
		pass_goodbyes(c);
}

/* ---- client to backend ---- */

/* Decrypts the whole view behind the used bytes of w->plain; false if the connection has ended. */
static bool decrypt(struct conn *c, size_t *used)
{
	struct worker *w = c->w;
	uint8_t alert = 0;
	const char *text = "";
	size_t n;

	for (;;) {
		enum tls_result r = tls_read(&c->tls, w->plain + *used, TLS_RECORD_MAX, &n, &alert, &text);
		switch (r) {
		case TLS_OK:
			*used += n;
			continue;
		case TLS_AGAIN:
			return true;
		case TLS_GOODBYE:
			client_said_goodbye(c);
			return true;
		case TLS_ALERT:
			conn_detail(c, text);
			c->rec->alert_received = (uint8_t)(alert + 1);
			conn_end(c, END_CLIENT_ALERT, ALERT_NONE);
			return false;
		case TLS_MEMORY:
			conn_end(c, END_NO_MEMORY, ALERT_INTERNAL_ERROR);
			return false;
		default:
			conn_detail(c, text);
			conn_end(c, END_TLS_ERROR, alert);
			return false;
		}
	}
}

/* The first `head` bytes of w->plain are ours (a PROXY header), the view holds records. */
static void pass_up(struct conn *c, size_t head)
{
	struct worker *w = c->w;
	size_t used = head, came = c->tls.in_left;
	bool whole;

	if (!decrypt(c, &used))
		return;
	if (used > head) {
		c->client.last_byte_ns = w->now_ns;
		ledger_add(&c->rec->bytes_up, used - head);
		ledger_add(&w->self.ledger.head->counters[COUNT_BYTES_UP], used - head);
	}
	int rc = side_send(c, &c->backend_side, w->plain, used, 0, &whole);
	if (rc < 0) {
		if (!end_for_memory(c, rc))
			conn_backend_failed(c, rc);
		return;
	}
	adapt(c, &c->client, whole, came);
	if (w->gather.size > 0) {	/* an answer of TLS's own, such as a key update */
		rc = relay_flush_client(c);
		if (rc < 0) {
			client_send_failed(c, rc);
			return;
		}
	}
	pass_goodbyes(c);
}

/*
 * While the worker's spill is over its cap, nothing is read for a peer that
 * cannot take it, and little at a time for one that can: what is read is sent,
 * and does not wait. A socket is writable when a third of its buffer is free,
 * which is more than READ_BYTES_OVER_CAP.
 */
static bool has_room(struct conn *c, struct side *from, struct side *to)
{
	if (c->w->spill_total < c->w->settings.spill_worker_bytes)
		return true;
	struct pollfd p = { .fd = to->fd, .events = POLLOUT };
	from->read_bytes = READ_BYTES_OVER_CAP;
	if (poll(&p, 1, 0) > 0)
		return true;
	to->wants_room = true;
	/* Stopping is no spurious call, but stopping again with nothing moved in between is. */
	uint64_t bytes = c->rec->bytes_up + c->rec->bytes_down;
	if (bytes != c->stopped_at_bytes)
		conn_moved(c);
	c->stopped_at_bytes = bytes;
	return false;
}

void relay_start(struct conn *c, const uint8_t *head, size_t head_size)
{
	memcpy(c->w->plain, head, head_size);
	c->tls.in = c->rest;
	c->tls.in_left = c->rest_size;
	pass_up(c, head_size);
	opening_clear(c);
	c->rest_size = 0;
}

void relay_client_readable(struct conn *c)
{
	struct worker *w = c->w;

	if (c->client.said_goodbye || c->backend_side.broken || !has_room(c, &c->client, &c->backend_side))
		return;
	ssize_t n = recv(c->client.fd, w->scratch, read_bytes_now(c, &c->client), 0);
	if (n > 0) {
		conn_moved(c);
		note_read(c, (size_t)n);
		c->tls.in = w->scratch;
		c->tls.in_left = (size_t)n;
		pass_up(c, 0);
	} else if (n == 0) {
		client_fin(c);
	} else if (errno != EAGAIN && errno != EINTR) {
		conn_client_failed(c, -errno);
	}
}

void relay_backend_writable(struct conn *c)
{
	struct side *s = &c->backend_side;
	size_t sent;

	if (s->wants_room)
		conn_moved(c);
	s->wants_room = false;
	int rc = spill_flush(&s->spill, s->fd, &sent, &c->w->spill_total);
	if (sent > 0) {
		conn_moved(c);
		timing_sent(c, s);
	}
	if (rc < 0 && rc != -EAGAIN)
		conn_backend_failed(c, rc);
	else
		pass_goodbyes(c);
}

/* ---- backend to client ---- */

/*
 * A backend that closes after each answer has often done so by the time its
 * answer is read: then close_notify and FIN can go along with that. A backend
 * that had not, the last time, is not asked. 1: it has closed; 0: not, as far
 * as is known; or a negative errno, at which its connection has ended.
 */
static int has_closed(struct conn *c)
{
	struct backend *b = c->backend;
	uint8_t byte;

	if (!b->closes_first || c->backend_side.broken)
		return 0;
	ssize_t n = recv(c->backend_side.fd, &byte, sizeof byte, MSG_PEEK);
	b->closes_first = n >= 0;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	return n == 0;
}

static void pass_down(struct conn *c, size_t size)
{
	struct worker *w = c->w;
	bool whole;

	if (tls_write(&c->tls, w->scratch, size) < 0) {
		conn_end(c, END_INTERNAL, ALERT_NONE);
		return;
	}
	c->backend_side.last_byte_ns = w->now_ns;
	ledger_add(&c->rec->bytes_down, size);
	ledger_add(&w->self.ledger.head->counters[COUNT_BYTES_DOWN], size);
	int closed = size < c->backend_side.read_bytes ? has_closed(c) : 0;
	if (closed > 0) {
		backend_fin(c);
		return;
	}
	int rc = flush_gathered(c, 0, &whole);
	if (rc < 0)
		client_send_failed(c, rc);
	else if (closed < 0)
		conn_backend_ended(c, closed);
	else
		adapt(c, &c->backend_side, whole, size);
}

void relay_backend_readable(struct conn *c)
{
	struct worker *w = c->w;

	if (c->backend_side.said_goodbye || !has_room(c, &c->backend_side, &c->client))
		return;
	ssize_t n = recv(c->backend_side.fd, w->scratch, read_bytes_now(c, &c->backend_side), 0);
	if (n > 0) {
		conn_moved(c);
		note_read(c, (size_t)n);
		pass_down(c, (size_t)n);
	} else if (n == 0 && c->backend_side.broken == 0) {
		backend_fin(c);
	} else if (n == 0 && c->backend_side.broken == -EPIPE) {
		backend_fin(c);		/* its RST came after its FIN */
		conn_end(c, END_BACKEND_CLOSED, ALERT_NONE);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		conn_backend_ended(c, n == 0 ? 0 : -errno);
	}
}

void relay_client_writable(struct conn *c)
{
	struct side *s = &c->client;
	size_t sent;

	if (s->wants_room)
		conn_moved(c);
	s->wants_room = false;
	int rc = spill_flush(&s->spill, s->fd, &sent, &c->w->spill_total);
	if (sent > 0) {
		conn_moved(c);
		timing_sent(c, s);
	}
	if (c->rec->phase == PHASE_CLOSING) {
		if (rc < 0 && rc != -EAGAIN)
			conn_release(c);
		else
			closing_check(c);
	} else if (rc < 0 && rc != -EAGAIN) {
		conn_client_failed(c, rc);
	} else {
		pass_goodbyes(c);
	}
}
