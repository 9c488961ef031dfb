/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The closing phase: last bytes, FIN, then wait until the peer's TCP has
 * everything; discard what lies unread, because closing with unread bytes
 * would send a RST that may destroy the last answer (RFC 1122 4.2.2.13).
 */
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "workers/worker/conn.h"

#define DISCARD_READS 16	/* of SCRATCH_BYTES: 4 MB */
#define NS_PER_MS 1000000ull
#define FIRST_CHECK_NS (2 * NS_PER_MS)
#define LOOK_WITHOUT_DEADLINE_NS (1000 * NS_PER_MS)

/* An alert in the clear (RFC 8446 5.1, 6), for clients that have no TLS session yet. */
static void send_plain_alert(struct conn *c, uint8_t alert)
{
	const uint8_t record[7] = { 21, 3, 3, 0, 2, 2, alert };

	/* The socket's buffer is empty; should it fail, there is nobody to tell. */
	if (send(c->client.fd, record, sizeof record, MSG_NOSIGNAL) < 0)
		return;
}

/* Bytes that the peer's TCP has not acknowledged, our FIN counted. */
static uint64_t unacknowledged(const struct conn *c)
{
	int queued = 0;

	if (ioctl(c->client.fd, SIOCOUTQ, &queued) < 0)
		queued = 0;
	return (uint64_t)queued + spill_left(&c->client.spill);
}

/* Bytes that could not even be sent: the peer's window is closed. */
static bool window_closed(const struct conn *c)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof info;

	if (spill_left(&c->client.spill) > 0)
		return true;
	int queued = 0;
	if (ioctl(c->client.fd, SIOCOUTQNSD, &queued) < 0)
		return false;
	/* A FIN alone that could not go yet is no sign of a closed window. */
	return queued > 0 && getsockopt(c->client.fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0
		&& info.tcpi_unacked == 0;
}

static void discard_unread(struct conn *c)
{
	for (int i = 0; i < DISCARD_READS; i++)
		if (recv(c->client.fd, c->w->scratch, SCRATCH_BYTES, MSG_DONTWAIT) < SCRATCH_BYTES)
			return;
}

static bool is_dead(const struct conn *c)
{
	int err = 0;
	socklen_t len = sizeof err;

	return getsockopt(c->client.fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 || err != 0;
}

static enum deadline deadline_now(const struct conn *c)
{
	return window_closed(c) ? DEADLINE_CLOSED_WINDOW : DEADLINE_LINGER;
}

static void give_up(struct conn *c, enum end why)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	if (c->end == END_CLIENT_CLOSED || c->end == END_BACKEND_CLOSED) {
		c->end = why;
		ledger_conn_begin(c->rec);
		c->rec->end = (uint8_t)c->end;
		ledger_conn_end(c->rec);
	}
	setsockopt(c->client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	conn_release(c);
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
		} else {
			send_plain_alert(c, (uint8_t)alert);
		}
	}
	c->closing_left = UINT64_MAX;
	closing_check(c);
}

/* Soon at first, for the many whose last acknowledgement is on its way. */
static void set_next_look(struct conn *c, enum deadline d, uint64_t end)
{
	uint64_t ms = c->deadlines.ms[d], tenth = ms ? ms * NS_PER_MS / 10 : LOOK_WITHOUT_DEADLINE_NS;
	uint64_t wait = FIRST_CHECK_NS << (c->closing_checks < 16 ? c->closing_checks : 16);
	uint64_t at = c->w->now_ns + (wait < tenth ? wait : tenth);

	c->closing_checks++;
	c->closing_deadline = d;
	c->closing_look_ns = at < end ? at : end;
}

void closing_check(struct conn *c)
{
	if (c->gone)
		return;
	if (spill_left(&c->client.spill) == 0 && !c->client.shut) {
		shutdown(c->client.fd, SHUT_WR);
		c->client.shut = true;
	}
	if (is_dead(c)) {
		conn_release(c);
		return;
	}
	uint64_t left = unacknowledged(c);
	if (left == 0 && c->client.shut) {
		discard_unread(c);
		conn_release(c);
		return;
	}
	enum deadline d = deadline_now(c);
	bool opened = c->closing_deadline == DEADLINE_CLOSED_WINDOW && d == DEADLINE_LINGER;
	/* A window that has just opened has not been answered for yet. */
	if (left < c->closing_left || opened) {
		c->closing_left = left;
		c->closing_since_ns = c->w->now_ns;
		conn_moved(c);
	}
	uint64_t ms = c->deadlines.ms[d];	/* closed_window may be 0: none */
	uint64_t end = ms ? c->closing_since_ns + ms * NS_PER_MS : UINT64_MAX;
	if (c->w->draining && c->w->now_ns >= c->w->drain_ns)
		give_up(c, END_DRAIN_DEADLINE);
	else if (c->w->now_ns >= end)
		give_up(c, d == DEADLINE_LINGER ? END_LINGER_DEADLINE : END_CLOSED_WINDOW_DEADLINE);
	else
		set_next_look(c, d, end);
}

