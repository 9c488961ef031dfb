/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Program bench-echo: a TLS server with GnuTLS that answers bench-load itself.
 * What it costs is the part of a proxy's connections that is not the backend's
 * leg: the key is in its own process, there is no policy, no log, no deadline.
 * At its end by SIGTERM it prints what its signatures have cost.
 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/common/address.h"
#include "bench/common/wire.h"
#include "bench/limits/signatures.h"

#define PIECE_BYTES 65536
#define TURN_BYTES (1u << 20)
#define PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-GCM:%SERVER_PRECEDENCE"

enum fate { GOES_ON, WAITS, GONE };

struct peer {
	int fd;
	uint32_t events;
	bool done, close;	/* done: the handshake */
	gnutls_session_t session;
	uint64_t body_left, answer_left;
};

struct echo {
	int epoll, listener;
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priority;
	gnutls_datum_t seed;
	uint8_t buffer[PIECE_BYTES];
};

static volatile sig_atomic_t ended;

static void on_term(int number)
{
	(void)number;
	ended = 1;
}

static void peer_new(struct echo *e)
{
	struct peer *p = calloc(1, sizeof *p);
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = p };

	if (!p)
		exit(1);
	p->fd = accept4(e->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	p->events = EPOLLIN;
	if (p->fd < 0 || gnutls_init(&p->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_AUTO_SEND_TICKET) < 0)
		exit(1);
	address_nodelay(p->fd);
	gnutls_priority_set(p->session, e->priority);
	gnutls_credentials_set(p->session, GNUTLS_CRD_CERTIFICATE, e->credentials);
	gnutls_session_ticket_enable_server(p->session, &e->seed);
	gnutls_handshake_set_timeout(p->session, 0);
	gnutls_transport_set_int(p->session, p->fd);
	epoll_ctl(e->epoll, EPOLL_CTL_ADD, p->fd, &ev);
}

static void peer_end(struct peer *p)
{
	gnutls_deinit(p->session);
	close(p->fd);
	free(p);
}

static enum fate again(ssize_t rc)
{
	return rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED ? WAITS : GONE;
}

static enum fate shake(struct peer *p)
{
	int rc = gnutls_handshake(p->session);

	if (rc < 0)
		return again(rc);
	p->done = true;
	if (gnutls_protocol_get_version(p->session) == GNUTLS_TLS1_3)
		gnutls_session_ticket_send(p->session, 1, 0);
	return GOES_ON;
}

static enum fate answer(struct echo *e, struct peer *p)
{
	for (uint64_t budget = TURN_BYTES; p->answer_left > 0 && budget > 0;) {
		size_t n = p->answer_left < PIECE_BYTES ? (size_t)p->answer_left : PIECE_BYTES;
		ssize_t rc = gnutls_record_send(p->session, e->buffer, n);
		if (rc <= 0)
			return again(rc);
		p->answer_left -= (uint64_t)rc;
		budget -= budget < (uint64_t)rc ? budget : (uint64_t)rc;
	}
	if (p->answer_left == 0 && p->close)
		gnutls_bye(p->session, GNUTLS_SHUT_WR);
	return p->answer_left > 0 ? WAITS : p->close ? GONE : GOES_ON;
}

static enum fate take(struct echo *e, struct peer *p)
{
	struct wire w;
	ssize_t n = gnutls_record_recv(p->session, e->buffer, PIECE_BYTES);

	if (n <= 0)
		return again(n);
	if (p->body_left == 0) {
		if (n < WIRE_BYTES || !wire_get(&w, e->buffer))
			return GONE;
		p->body_left = w.request;
		p->answer_left = w.answer;
		p->close = w.close;
	}
	p->body_left -= p->body_left < (uint64_t)n ? p->body_left : (uint64_t)n;
	return p->body_left == 0 ? answer(e, p) : GOES_ON;
}

static enum fate go_on(struct echo *e, struct peer *p)
{
	enum fate f = GOES_ON;

	if (!p->done)
		f = shake(p);
	if (f == GOES_ON && p->done && p->answer_left > 0 && p->body_left == 0)
		f = answer(e, p);
	for (unsigned i = 0; i < TURN_BYTES / 16384 && f == GOES_ON && p->done; i++)
		f = take(e, p);
	return f;
}

static void on_event(struct echo *e, struct peer *p)
{
	if (go_on(e, p) == GONE) {
		peer_end(p);
		return;
	}
	/* Records that GnuTLS has already read do not wake us: it reads one at a time. */
	uint32_t events = p->done && p->answer_left > 0 && p->body_left == 0 ? EPOLLOUT : EPOLLIN;
	struct epoll_event ev = { .events = events, .data.ptr = p };
	if (events != p->events)
		epoll_ctl(e->epoll, EPOLL_CTL_MOD, p->fd, &ev);
	p->events = events;
}

static void run(struct echo *e)
{
	struct epoll_event events[64];
	int n;

	while (!ended && ((n = epoll_wait(e->epoll, events, 64, -1)) >= 0 || errno == EINTR)) {
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				on_event(e, events[i].data.ptr);
			else
				peer_new(e);
		}
	}
}

static void listen_at(struct echo *e, const char *text)
{
	struct sockaddr_storage a;
	struct epoll_event ev = { .events = EPOLLIN };
	socklen_t size;
	int on = 1;

	if (!address_parse(text, &a, &size))
		exit(2);
	e->epoll = epoll_create1(EPOLL_CLOEXEC);
	e->listener = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(e->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(e->listener, (struct sockaddr *)&a, size) < 0 || listen(e->listener, 4096) < 0) {
		perror("bench-echo");
		exit(1);
	}
	epoll_ctl(e->epoll, EPOLL_CTL_ADD, e->listener, &ev);
}

int main(int argc, char **argv)
{
	static struct echo e;

	if (argc != 3) {
		fprintf(stderr, "usage: bench-echo ADDRESS:PORT FILE.pem\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_term);
	if (gnutls_priority_init(&e.priority, PRIORITY, NULL) < 0 ||
		gnutls_certificate_allocate_credentials(&e.credentials) < 0 ||
		gnutls_session_ticket_key_generate(&e.seed) < 0 ||
		gnutls_certificate_set_x509_key_file(e.credentials, argv[2], argv[2], GNUTLS_X509_FMT_PEM) < 0) {
		fprintf(stderr, "bench-echo: %s: GnuTLS cannot use it\n", argv[2]);
		return 1;
	}
	listen_at(&e, argv[1]);
	run(&e);
	signatures_print();
	return 0;
}
