/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/load/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/common/address.h"

#define TURN_BYTES (512u * 1024)	/* one connection may move in one turn */

/* ---- ends ---- */

void conn_close(struct conn *c)
{
	if (c->ssl && c->state >= CONN_READY)
		SSL_shutdown(c->ssl);
	SSL_free(c->ssl);
	ERR_clear_error();
	if (c->fd >= 0)
		close(c->fd);
	*c = (struct conn){ .fd = -1 };
}

static enum conn_result failed(struct conn *c, enum failure why)
{
	c->failure = why;
	return CONN_FAILED;
}

/* A RST instead of a goodbye. */
static enum conn_result leave(struct conn *c)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	c->state = CONN_CONNECTING;	/* so that no close_notify is sent */
	return CONN_DONE;
}

static void watch(struct conn *c, int epoll, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = c };

	if (c->events != events)
		epoll_ctl(epoll, c->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &e);
	c->events = events;
}

static enum failure tls_failure(int err)
{
	int reason = ERR_GET_REASON(ERR_peek_last_error());

	if (err == SSL_ERROR_SSL && reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256)
		return FAIL_ALERT;
	if (err == SSL_ERROR_SYSCALL)
		return errno == ECONNRESET || errno == EPIPE ? FAIL_RESET : FAIL_CLOSED;
	if (err == SSL_ERROR_ZERO_RETURN || (err == SSL_ERROR_SSL && reason == SSL_R_UNEXPECTED_EOF_WHILE_READING))
		return FAIL_CLOSED;
	return FAIL_TLS;
}

static int plain_error(const struct conn *c, int rc)
{
	if (rc < 0 && (errno == EAGAIN || errno == EINTR))
		return c->state == CONN_SENDING ? SSL_ERROR_WANT_WRITE : SSL_ERROR_WANT_READ;
	return rc == 0 ? SSL_ERROR_ZERO_RETURN : SSL_ERROR_SYSCALL;
}

/* What was called could not go on: waits for what it wants, or has failed. */
static enum conn_result stuck(struct conn *c, const struct conn_where *w, int rc)
{
	int err = c->ssl ? SSL_get_error(c->ssl, rc) : plain_error(c, rc);

	if (err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE) {
		watch(c, w->epoll, err == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT);
		return CONN_WAITS;
	}
	enum failure why = tls_failure(err);
	ERR_clear_error();
	return failed(c, why);
}

/* ---- connecting ---- */

/* Many short connections need more ports than one address has. */
static void bind_source(int fd, const struct options *o, uint64_t number)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int on = 1;

	if (o->sources == 0 || o->to.ss_family != AF_INET)
		return;
	in.sin_addr.s_addr = htonl(0x7f010001u + (uint32_t)(number % o->sources));
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	bind(fd, (struct sockaddr *)&in, sizeof in);
}

enum conn_result conn_open(struct conn *c, const struct conn_where *w, uint64_t began_ns)
{
	const struct options *o = w->client->o;

	*c = (struct conn){ .fd = socket(o->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
		.state = CONN_CONNECTING, .began_ns = began_ns, .number = w->number };
	if (c->fd < 0)
		return failed(c, FAIL_CONNECT);
	address_nodelay(c->fd);
	bind_source(c->fd, o, w->number);
	if (connect(c->fd, (const struct sockaddr *)&o->to, o->to_size) < 0 && errno != EINPROGRESS)
		return failed(c, FAIL_CONNECT);
	watch(c, w->epoll, EPOLLOUT);
	return CONN_WAITS;
}

static enum conn_result handshake(struct conn *c, const struct conn_where *w);

static enum conn_result connected(struct conn *c, const struct conn_where *w)
{
	struct client *k = w->client;
	enum leave at = k->o->leave;
	int err = 0;
	socklen_t size = sizeof err;

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0 || err)
		return failed(c, FAIL_CONNECT);
	if (at == LEAVE_CONNECT)
		return leave(c);
	if (at == LEAVE_HALF_HELLO || at == LEAVE_HELLO) {
		size_t n = at == LEAVE_HELLO ? k->hello_size : k->hello_size / 2;
		return send(c->fd, k->hello, n, MSG_NOSIGNAL) == (ssize_t)n ? leave(c) : failed(c, FAIL_RESET);
	}
	if (k->o->plain) {
		c->state = CONN_READY;
		watch(c, w->epoll, EPOLLIN);
		return CONN_IS_READY;
	}
	c->ssl = client_new(k, c->fd, w->number);
	if (!c->ssl)
		return failed(c, FAIL_TLS);
	c->state = CONN_HANDSHAKE;
	return handshake(c, w);
}

/* ---- the handshake ---- */

static enum conn_result handshake_failed(struct conn *c, const struct conn_where *w)
{
	if (!w->client->o->mode->refused || c->failure == FAIL_TLS)
		return CONN_FAILED;
	c->said_alert = c->failure == FAIL_ALERT;
	return CONN_DONE;
}

static enum conn_result handshake(struct conn *c, const struct conn_where *w)
{
	const struct options *o = w->client->o;
	int rc = SSL_connect(c->ssl);

	if (rc != 1)
		return stuck(c, w, rc) == CONN_FAILED ? handshake_failed(c, w) : CONN_WAITS;
	c->state = CONN_READY;
	c->resumed = SSL_session_reused(c->ssl);
	if (o->mode->refused)
		return failed(c, FAIL_NOT_REFUSED);
	if (o->leave == LEAVE_HANDSHAKE)
		return leave(c);
	if (o->mode->kept) {
		watch(c, w->epoll, EPOLLIN);
		return CONN_IS_READY;
	}
	return o->request ? conn_request(c, w, c->began_ns) : CONN_DONE;
}

/* ---- a request ---- */

static int read_some(struct conn *c, struct client *k, int size)
{
	return c->ssl ? SSL_read(c->ssl, k->buffer, size) : (int)recv(c->fd, k->buffer, (size_t)size, 0);
}

static int write_some(struct conn *c, struct client *k, int size)
{
	return c->ssl ? SSL_write(c->ssl, k->buffer, size) : (int)send(c->fd, k->buffer, (size_t)size, MSG_NOSIGNAL);
}

/* 1: all is sent, with what was gathered; 0: some of it waits; -1: the socket takes no more. */
static int finish_sending(struct conn *c)
{
	BIO *out = c->ssl ? SSL_get_wbio(c->ssl) : NULL;

	if (c->send_left > 0)
		return 0;
	if (!out || BIO_flush(out) > 0)
		return 1;
	return BIO_should_retry(out) ? 0 : -1;
}

static enum conn_result read_answer(struct conn *c, const struct conn_where *w);

static enum conn_result write_request(struct conn *c, const struct conn_where *w)
{
	const struct options *o = w->client->o;
	uint64_t budget = TURN_BYTES;

	while (c->send_left > 0 && budget > 0) {
		uint64_t n = c->send_left < CLIENT_BUFFER_BYTES ? c->send_left : CLIENT_BUFFER_BYTES;
		if (c->send_left == o->request)
			memcpy(w->client->buffer, c->head, sizeof c->head);
		int rc = write_some(c, w->client, (int)n);
		if (rc <= 0)
			return stuck(c, w, rc);
		c->send_left -= (uint64_t)rc;
		w->client->bytes_up += (uint64_t)rc;
		budget -= budget < (uint64_t)rc ? budget : (uint64_t)rc;
	}
	int sent = finish_sending(c);
	if (sent < 0)
		return failed(c, FAIL_RESET);
	if (sent == 0) {
		watch(c, w->epoll, EPOLLOUT);
		return CONN_WAITS;
	}
	if (o->leave == LEAVE_REQUEST)
		return leave(c);
	c->state = CONN_READING;
	return read_answer(c, w);
}

enum conn_result conn_request(struct conn *c, const struct conn_where *w, uint64_t began_ns)
{
	const struct options *o = w->client->o;
	struct wire head = { .close = o->server_closes && !o->mode->kept, .request = o->request, .answer = o->answer };

	wire_put(&head, c->head);
	c->began_ns = began_ns;
	c->send_left = o->request;
	c->read_left = o->answer;
	c->state = CONN_SENDING;
	return write_request(c, w);
}

static enum conn_result read_end(struct conn *c, const struct conn_where *w)
{
	int rc = read_some(c, w->client, 1);

	if (rc > 0)
		return failed(c, FAIL_TLS);
	if (SSL_get_error(c->ssl, rc) == SSL_ERROR_ZERO_RETURN)
		return CONN_DONE;
	return stuck(c, w, rc);
}

static enum conn_result read_answer(struct conn *c, const struct conn_where *w)
{
	const struct options *o = w->client->o;
	uint64_t budget = TURN_BYTES;

	while (c->read_left > 0 && budget > 0) {
		int rc = read_some(c, w->client, CLIENT_BUFFER_BYTES);
		if (rc <= 0)
			return stuck(c, w, rc);
		if ((uint64_t)rc > c->read_left)
			return failed(c, FAIL_TLS);
		c->read_left -= (uint64_t)rc;
		w->client->bytes_down += (uint64_t)rc;
		budget -= budget < (uint64_t)rc ? budget : (uint64_t)rc;
	}
	watch(c, w->epoll, EPOLLIN);
	if (c->read_left > 0)
		return CONN_WAITS;
	if (o->mode->kept) {
		c->state = CONN_READY;
		return CONN_DONE;
	}
	if (!o->server_closes)
		return CONN_DONE;
	c->state = CONN_ENDING;
	return read_end(c, w);
}

/* A connection that only waits hears of tickets, or of its end. */
static enum conn_result read_nothing(struct conn *c, const struct conn_where *w)
{
	int rc = read_some(c, w->client, 1);

	return rc > 0 ? failed(c, FAIL_TLS) : stuck(c, w, rc);
}

enum conn_result conn_go_on(struct conn *c, const struct conn_where *w)
{
	switch (c->state) {
	case CONN_CONNECTING: return connected(c, w);
	case CONN_HANDSHAKE: return handshake(c, w);
	case CONN_SENDING: return write_request(c, w);
	case CONN_READING: return read_answer(c, w);
	case CONN_ENDING: return read_end(c, w);
	case CONN_READY: return read_nothing(c, w);
	default: return CONN_WAITS;
	}
}
