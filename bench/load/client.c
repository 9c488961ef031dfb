/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/load/client.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_BYTES 256

static void die(const char *what)
{
	fprintf(stderr, "bench-load: %s: %s\n", what, ERR_reason_error_string(ERR_get_error()));
	exit(2);
}

static int on_session(SSL *ssl, SSL_SESSION *session)
{
	struct client *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if (!c->o->mode->resumes || c->session)
		return 0;
	c->session = session;
	return 1;		/* keeps the reference */
}

static void set_name(const struct client *c, SSL *ssl, uint64_t number)
{
	const struct options *o = c->o;
	char name[NAME_BYTES];
	const char *mark = o->names > 1 && o->sni ? strstr(o->sni, "%u") : NULL;

	if (!o->sni)
		return;
	if (mark)
		snprintf(name, sizeof name, "%.*s%u%s", (int)(mark - o->sni), o->sni,
			(unsigned)(number % o->names), mark + 2);
	else
		snprintf(name, sizeof name, "%s", o->sni);
	SSL_set_tlsext_host_name(ssl, name);
	if (o->ca)
		SSL_set1_host(ssl, name);
}

/* The bytes that a client of ours begins with. */
static void make_hello(struct client *c)
{
	SSL *ssl = SSL_new(c->ctx);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

	if (!ssl || !in || !out)
		die("ClientHello");
	SSL_set_bio(ssl, in, out);
	set_name(c, ssl, 0);
	SSL_connect(ssl);
	int n = BIO_read(out, c->hello, sizeof c->hello);
	c->hello_size = n > 0 ? (size_t)n : 0;
	SSL_free(ssl);
	ERR_clear_error();
}

static void set_parameters(SSL_CTX *ctx, const struct options *o)
{
	int version = o->tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;

	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	if (o->ciphers && (o->tls12 ? SSL_CTX_set_cipher_list : SSL_CTX_set_ciphersuites)(ctx, o->ciphers) != 1)
		die("--ciphers");
	if (o->groups && SSL_CTX_set1_groups_list(ctx, o->groups) != 1)
		die("--groups");
	if (o->ca && SSL_CTX_load_verify_file(ctx, o->ca) != 1)
		die("--ca");
	if (o->ca)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
}

void client_init(struct client *c, const struct options *o)
{
	*c = (struct client){ .o = o, .ctx = SSL_CTX_new(TLS_client_method()) };
	if (!c->ctx)
		die("SSL_CTX_new");
	set_parameters(c->ctx, o);
	SSL_CTX_set_app_data(c->ctx, c);
	SSL_CTX_set_mode(c->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(c->ctx, on_session);
	if (o->leave == LEAVE_HALF_HELLO || o->leave == LEAVE_HELLO)
		make_hello(c);
}

void client_clear(struct client *c)
{
	SSL_SESSION_free(c->session);
	SSL_CTX_free(c->ctx);
}

/* A copy each: OpenSSL takes a TLS 1.3 session for used up once it was offered. */
static void set_session(struct client *c, SSL *ssl)
{
	SSL_SESSION *copy = SSL_SESSION_dup(c->session);

	if (copy)
		SSL_set_session(ssl, copy);
	SSL_SESSION_free(copy);
}

/* As a client sends that has a large buffer between its TLS library and the socket. */
static bool gather(SSL *ssl, unsigned bytes)
{
	BIO *buffer = BIO_new(BIO_f_buffer()), *socket = SSL_get_wbio(ssl);

	if (!buffer || BIO_set_write_buffer_size(buffer, (long)bytes) != 1) {
		BIO_free(buffer);
		return false;
	}
	BIO_up_ref(socket);
	SSL_set0_wbio(ssl, BIO_push(buffer, socket));
	return true;
}

SSL *client_new(struct client *c, int fd, uint64_t name)
{
	SSL *ssl = SSL_new(c->ctx);

	if (!ssl)
		return NULL;
	if (SSL_set_fd(ssl, fd) != 1 || (c->o->gather > 0 && !gather(ssl, c->o->gather))) {
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_connect_state(ssl);
	set_name(c, ssl, name);
	if (c->session)
		set_session(c, ssl);
	return ssl;
}
