/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The closing phase: last bytes, FIN, then wait until the peer's TCP has
 * everything; discard what lies unread, because closing with unread bytes
 * would send a RST that may destroy the last answer (RFC 1122 4.2.2.13).
 */
#include <errno.h>
#include <sys/socket.h>

#include "workers/worker/conn.h"

#define DISCARD_READS 4	/* of SCRATCH_BYTES: 4 MB */
#define NS_PER_MS 1000000ull
#define FIRST_CHECK_NS (2 * NS_PER_MS)
#define LOOK_WITHOUT_DEADLINE_NS (1000 * NS_PER_MS)

/*
 * An alert in the clear (RFC 8446 5.1, 6), for clients that have no TLS session
 * yet. The socket's buffer is empty, and the FIN that follows goes along. True
 * if nothing lies unread: then nothing makes the close a RST, and the kernel
 * sees to it that both arrive.
 */
static bool send_plain_alert(struct conn *c, uint8_t alert)
{
	const uint8_t record[7] = { 21, 3, 3, 0, 2, 2, alert };
	uint8_t byte;

	/* Should it fail, there is nobody to tell. */
	return send(c->client.fd, record, sizeof record, MSG_NOSIGNAL | MSG_MORE) < 0
		|| (recv(c->client.fd, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN);
}

static void discard_unread(struct conn *c)
{
	for (int i = 0; i < DISCARD_READS; i++)
		if (recv(c->client.fd, c->w->scratch, SCRATCH_BYTES, MSG_DONTWAIT) < SCRATCH_BYTES)
			return;
}

/* An ordinary end that did not get that far was none. */
static void change_end(struct conn *c, enum end end)
{
	if (c->end != END_CLIENT_CLOSED && c->end != END_BACKEND_CLOSED)
		return;
	c->end = end;
	ledger_conn_begin(c->rec);
	c->rec->end = (uint8_t)end;
	ledger_conn_end(c->rec);
}

/* A socket that is closed may have died of a deadline, in the kernel. */
static void note_death(struct conn *c, const struct side *s)
{
	int err = 0;
	socklen_t len = sizeof err;

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	if (err == 0 || err == ECONNRESET || err == EPIPE)
		return;
	enum deadline d = flow_timed_out(s->fd, spill_left(&s->spill), &c->deadlines);
	if (d < DEADLINE_COUNT)
		change_end(c, timing_end(d));
}

void closing_give_up(struct conn *c, enum end end)
{
	change_end(c, end);
	conn_cut(c);
}

void closing_start(struct conn *c, int alert)
{
	if (alert != ALERT_NONE) {
		if (c->tls.session) {
			tls_alert(&c->tls, (uint8_t)alert);
			if (relay_flush_client(c) < 0) {
				conn_release(c);
				return;
			}
		} else if (send_plain_alert(c, (uint8_t)alert)) {
			conn_release(c);
			return;
		}
	}
	closing_check(c);
}

/* Soon at first, for the many whose last acknowledgement is on its way. */
static void set_next_look(struct conn *c)
{
	uint64_t most = c->client.flow.unsent ? flow_interval_ns(&c->deadlines)
		: c->deadlines.ms[DEADLINE_LINGER] * NS_PER_MS / 10;
	uint64_t wait = FIRST_CHECK_NS << (c->closing_checks < 16 ? c->closing_checks : 16);

	if (most == 0)
		most = LOOK_WITHOUT_DEADLINE_NS;
	c->closing_checks++;
	c->look_ns = c->w->now_ns + (wait < most ? wait : most);
}

void closing_check(struct conn *c)
{
	struct side *s = &c->client;

	if (c->gone)
		return;
	if (spill_left(&s->spill) == 0 && !s->shut) {
		shutdown(s->fd, SHUT_WR);
		s->shut = true;
		timing_sent(c, s);
	}
	timing_look(c, s);
	if (s->flow.closed) {		/* nothing is left that a close could break off */
		note_death(c, s);
		conn_release(c);
		return;
	}
	if (s->flow.waits) {
		set_next_look(c);
		return;
	}
	discard_unread(c);
	conn_release(c);
}
