/* SPDX-License-Identifier: BSD-2-Clause */
/* The connect phase: the servers of the backend in turn, then the PROXY header. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/tcp.h"
#include "workers/worker/accept.h"
#include "workers/worker/conn.h"
#include "workers/worker/proxy.h"

static size_t make_header(struct conn *c, uint8_t *out)
{
	struct sockaddr_storage local = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof local;
	const char *cipher;
	struct proxy_info info = {
		.peer = (const struct sockaddr *)&c->rec->peer,
		.local = (const struct sockaddr *)&local,
		.alpn = c->rec->alpn,
		.authority = c->rec->sni,
		.tls_version = c->rec->tls_version == 0x0304 ? "TLSv1.3" : "TLSv1.2",
	};

	if (c->backend->proxy_protocol == 0)
		return 0;
	getsockname(c->client.fd, (struct sockaddr *)&local, &len);
	tls_cipher(&c->tls, &cipher);
	info.cipher = cipher;
	return proxy_header(c->backend->proxy_protocol, &info, out);
}

/* What has come of the server, for people; NULL where there are too many to count them apart. */
static struct ledger_server *row_of(struct conn *c)
{
	return ledger_server(&c->w->self.ledger, c->backend->name, c->backend->servers[c->server].label);
}

static void server_worked(struct conn *c)
{
	struct ledger_server *row = row_of(c);

	backend_worked(c->backend, c->server);
	ledger_count(&c->w->self.ledger, COUNT_BACKEND_CONNECTS);
	if (!row)
		return;
	ledger_add(&row->connects, 1);
	ledger_set(&row->rests_until_ns, 0);
}

static void connected(struct conn *c)
{
	uint8_t header[PROXY_HEADER_MAX];

	server_worked(c);
	c->client.last_byte_ns = c->backend_side.last_byte_ns = c->w->now_ns;
	conn_set_phase(c, PHASE_RELAY);
	relay_start(c, header, make_header(c, header));
}

static void take_socket(struct conn *c, int fd)
{
	c->backend_side.fd = fd;
	if (c->backend->servers[c->server].addr.ss.ss_family != AF_UNIX)
		tcp_set_up(fd);		/* without them it serves as well as it can */
	c->connect_since_ns = c->w->now_ns;
	worker_count_fds(c->w, 1);
	ledger_conn_begin(c->rec);
	c->rec->fds++;
	c->rec->backend_fd = (uint32_t)fd;
	snprintf(c->rec->server, sizeof c->rec->server, "%s", c->backend->servers[c->server].label);
	ledger_conn_end(c->rec);
}

static void server_failed(struct conn *c, int err)
{
	struct ledger_server *row = row_of(c);

	backend_failed(c->backend, c->server, c->w->now_ns);
	ledger_count(&c->w->self.ledger, COUNT_BACKEND_FAILURES);
	if (row) {
		ledger_add(&row->failures, 1);
		ledger_set(&row->rests_until_ns, c->backend->servers[c->server].rests_until_ns);
	}
	if (err)
		conn_detail(c, strerror(-err));
}

/* That this process has no descriptor left is no fault of the server. */
static void no_socket(struct conn *c, int err)
{
	conn_detail(c, strerror(-err));
	conn_end(c, END_LIMIT_CONNECTIONS, ALERT_INTERNAL_ERROR);
	accept_pause(c->w, -err);
}

/* One that refuses says ECONNREFUSED; these come from a server that had accepted, and reset at once. */
static enum end end_of_connect(int err)
{
	return err == ECONNRESET || err == EPIPE ? END_BACKEND_RESET : END_BACKEND_UNREACHABLE;
}

static void try_servers(struct conn *c, enum end if_none)
{
	bool done = false;

	for (;;) {
		c->server = backend_pick(c->backend, &c->servers_tried, c->w->now_ns);
		if (c->server < 0) {
			conn_end(c, if_none, ALERT_INTERNAL_ERROR);
			return;
		}
		int fd = server_connect(&c->backend->servers[c->server], &done);
		if (fd >= 0) {
			take_socket(c, fd);
			break;
		}
		if (accept_is_limit(-fd)) {
			no_socket(c, fd);
			return;
		}
		server_failed(c, fd);
		if_none = end_of_connect(-fd);
	}
	if (done)
		connected(c);
}

void connecting_start(struct conn *c)
{
	conn_set_phase(c, PHASE_CONNECT);
	try_servers(c, END_BACKEND_UNREACHABLE);
}

void connecting_next(struct conn *c, enum end if_none)
{
	conn_moved(c);
	server_failed(c, if_none == END_CONNECT_DEADLINE ? -ETIMEDOUT : 0);
	conn_close_backend(c, true);
	try_servers(c, if_none);
}

void connecting_ready(struct conn *c)
{
	int err = 0;
	socklen_t len = sizeof err;

	if (getsockopt(c->backend_side.fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	if (err == 0) {
		connected(c);
		return;
	}
	conn_detail(c, strerror(err));
	connecting_next(c, end_of_connect(err));
}
