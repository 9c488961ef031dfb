/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One TLS session over bytes in memory: GnuTLS pulls from a view of what was
 * read and pushes into a gathering buffer, so no socket is touched here. With
 * certs.c the only user of GnuTLS.
 */
#ifndef WORKER_TLS_H
#define WORKER_TLS_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "workers/worker/certs.h"

#define TLS_RECORD_MAX 16384

/* Where pushed bytes are gathered; one per worker. */
struct gather {
	uint8_t *data;
	size_t size, cap;
	bool overflow;
};

struct tls_settings;

/* priority: GnuTLS's words, "" for ours. NULL with *err set (static). */
struct tls_settings *tls_settings_new(bool tls13_only, const char *priority, const char **err);
/* Gives the caller's reference back; sessions have their own. */
void tls_settings_unref(struct tls_settings *s);
/* Tickets under this seed from now on; none before the first call. */
int tls_settings_seed(struct tls_settings *s, const uint8_t *seed, size_t size);

struct tls {
	gnutls_session_t session;
	struct gather *out;
	struct tls_settings *settings;	/* referenced, too */
	struct cert *cert;		/* referenced until the session is gone */
	const char *sni;		/* what our parser saw, or NULL */
	const uint8_t *in;		/* the view that GnuTLS pulls from */
	size_t in_left;
	bool tickets;
	bool ticket_due;		/* goes along with the first answer */
	bool name_differs;		/* GnuTLS saw another SNI than our parser */
	bool hello_unsent;		/* signing failed before the ServerHello was pushed */
	unsigned warnings;		/* warning alerts received */
	size_t barren;			/* bytes read since the last payload */
};

enum tls_result {
	TLS_OK,		/* handshake done; or bytes came */
	TLS_AGAIN,	/* the view is used up */
	TLS_GOODBYE,	/* close_notify */
	TLS_ALERT,	/* the peer sent a fatal alert; *alert */
	TLS_SIGN,	/* the keeper gave no signature; *alert is due */
	TLS_MEMORY,
	TLS_NAME,	/* the library takes no such server name; *alert */
	TLS_ERROR,	/* protocol error; *alert is the one that is due */
};

/*
 * Takes a reference of cert on success. sni is lent for the session's life;
 * alpn is a list as in RFC 7301, without its length.
 */
int tls_init(struct tls *t, struct tls_settings *s, struct cert *cert, const char *sni,
	const uint8_t *alpn, size_t alpn_size, struct gather *out);
void tls_clear(struct tls *t);

/* Each reads from t->in. text: GnuTLS's words for an error, else untouched. */
enum tls_result tls_handshake(struct tls *t, uint8_t *alert, const char **text);
/* Decrypts one record's worth into out; *n bytes. */
enum tls_result tls_read(struct tls *t, void *out, size_t cap, size_t *n, uint8_t *alert, const char **text);
/*
 * Encrypts all of it into the gathering buffer; 0 or negative errno. In TLS 1.3
 * the first of these two calls puts the ticket in front.
 */
int tls_write(struct tls *t, const void *data, size_t size);
void tls_goodbye(struct tls *t);
void tls_alert(struct tls *t, uint8_t alert);

bool tls_resumed(const struct tls *t);
uint16_t tls_version(const struct tls *t);	/* 0x0303, 0x0304 */
const char *tls_version_text(uint16_t version);	/* "1.3" */
/* Negotiated protocol into out (32), "" if none. */
void tls_alpn(const struct tls *t, char *out);
/* IANA number; *openssl_name gets the name that most programs know. */
uint16_t tls_cipher(const struct tls *t, const char **openssl_name);

#endif
