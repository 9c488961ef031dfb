/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/worker/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/msg.h"
#include "common/names.h"

#define WARNINGS_MAX 8		/* GnuTLS does not bound them */
/*
 * Bytes without payload. Enough for a handshake with a ClientHello of the
 * largest size, and for a record of the largest size that comes in pieces.
 * GnuTLS does not bound the empty records and the fragments of handshake
 * messages of TLS 1.3, nor anything else that comes in many small reads.
 */
#define BARREN_BYTES_MAX (64u << 10)
#define BARREN_TEXT "too many bytes without payload"

/*
 * Forward-secret key exchange and AEAD only: the keeper decrypts nothing.
 * AES-128-GCM first: nettle's SHA-384 and ChaCha20 are slower.
 */
#define PRIORITY_BOTH "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:" PRIORITY_REST
#define PRIORITY_13 "NORMAL:-VERS-ALL:+VERS-TLS1.3:" PRIORITY_REST
#define PRIORITY_REST "-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:" \
	"+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:-GROUP-ALL:" \
	"+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+GROUP-SECP521R1:%SERVER_PRECEDENCE"

struct tls_settings {
	unsigned refs;		/* GnuTLS keeps pointers to the credentials in its sessions */
	gnutls_priority_t priority;
	gnutls_certificate_credentials_t credentials;
	gnutls_datum_t seed;
};

static const struct {
	const char *gnutls, *openssl;
	uint16_t number;
} ciphers[] = {
	{ "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", 0x1301 },
	{ "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", 0x1302 },
	{ "TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", 0x1303 },
	{ "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", 0xc02b },
	{ "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", 0xc02c },
	{ "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", 0xc02f },
	{ "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", 0xc030 },
	{ "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", 0xcca9 },
	{ "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305", 0xcca8 },
};

static int on_certificate(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
	gnutls_pcert_st **chain, unsigned *chain_n, gnutls_ocsp_data_st **staples, unsigned *staples_n,
	gnutls_privkey_t *key, unsigned *flags)
{
	struct tls *t = gnutls_session_get_ptr(session);

	(void)info;
	*chain = t->cert->chain;
	*chain_n = t->cert->chain_n;
	*staples = cert_staple(t->cert, time(NULL));
	*staples_n = *staples != NULL;
	*key = t->cert->key;
	*flags = 0;		/* nothing is copied: the session holds a reference */
	return 0;
}

struct tls_settings *tls_settings_new(bool tls13_only, const char *priority, const char **err)
{
	struct tls_settings *s = calloc(1, sizeof *s);
	const char *at = "";

	*err = "out of memory";
	if (!s)
		return NULL;
	s->refs = 1;
	if (!*priority)
		priority = tls13_only ? PRIORITY_13 : PRIORITY_BOTH;
	int rc = gnutls_priority_init(&s->priority, priority, &at);
	if (rc < 0) {
		*err = "GnuTLS does not understand tls.priority";
		goto fail;
	}
	rc = gnutls_certificate_allocate_credentials(&s->credentials);
	if (rc < 0)
		goto fail;
	gnutls_certificate_set_retrieve_function3(s->credentials, on_certificate);
	return s;
fail:
	tls_settings_unref(s);
	return NULL;
}

void tls_settings_unref(struct tls_settings *s)
{
	if (!s || --s->refs > 0)
		return;
	if (s->priority)
		gnutls_priority_deinit(s->priority);
	if (s->credentials)
		gnutls_certificate_free_credentials(s->credentials);
	if (s->seed.data)
		explicit_bzero(s->seed.data, s->seed.size);
	free(s->seed.data);
	free(s);
}

int tls_settings_seed(struct tls_settings *s, const uint8_t *seed, size_t size)
{
	if (size != TICKET_SEED_BYTES)
		return -EINVAL;
	if (!s->seed.data)
		s->seed.data = malloc(size);
	if (!s->seed.data)
		return -ENOMEM;
	memcpy(s->seed.data, seed, size);
	s->seed.size = (unsigned)size;
	return 0;
}

static ssize_t on_pull(gnutls_transport_ptr_t p, void *data, size_t size)
{
	struct tls *t = p;

	if (t->in_left == 0) {
		gnutls_transport_set_errno(t->session, EAGAIN);
		return -1;
	}
	if (size > t->in_left)
		size = t->in_left;
	memcpy(data, t->in, size);
	t->in += size;
	t->in_left -= size;
	return (ssize_t)size;
}

static int on_pull_timeout(gnutls_transport_ptr_t p, unsigned ms)
{
	struct tls *t = p;

	(void)ms;
	return t->in_left > 0;
}

static ssize_t on_push(gnutls_transport_ptr_t p, const void *data, size_t size)
{
	struct gather *out = ((struct tls *)p)->out;

	if (size > out->cap - out->size) {
		out->overflow = true;	/* the connection ends; see the caller */
		gnutls_transport_set_errno(((struct tls *)p)->session, ENOBUFS);
		return -1;
	}
	memcpy(out->data + out->size, data, size);
	out->size += size;
	return (ssize_t)size;
}

/*
 * What we decided rests on our reading of the ClientHello. A second one, after
 * a HelloRetryRequest, may not say another name.
 */
static int on_client_hello(gnutls_session_t session)
{
	struct tls *t = gnutls_session_get_ptr(session);
	char raw[512] = "", name[NAME_BYTES] = "";
	size_t size = sizeof raw;
	unsigned type;

	int rc = gnutls_server_name_get(session, raw, &size, &type, 0);
	bool named = rc == 0 && type == GNUTLS_NAME_DNS && name_normalize(raw, strlen(raw), false, name)
		&& !name_is_ip(name);
	if (named != (t->sni != NULL) || (named && strcmp(name, t->sni) != 0)) {
		t->name_differs = true;
		return GNUTLS_E_ILLEGAL_PARAMETER;
	}
	return 0;
}

static int set_alpn(gnutls_session_t session, const uint8_t *alpn, size_t size)
{
	gnutls_datum_t list[32];
	unsigned n = 0;

	for (size_t i = 0; i < size && n < 32; i += 1u + alpn[i])
		list[n++] = (gnutls_datum_t){ .data = (unsigned char *)(uintptr_t)alpn + i + 1, .size = alpn[i] };
	if (n == 0)
		return 0;
	return gnutls_alpn_set_protocols(session, list, n, GNUTLS_ALPN_SERVER_PRECEDENCE | GNUTLS_ALPN_MANDATORY);
}

int tls_init(struct tls *t, struct tls_settings *s, struct cert *cert, const char *sni,
	const uint8_t *alpn, size_t alpn_size, struct gather *out)
{
	*t = (struct tls){ .out = out, .sni = sni };
	int rc = gnutls_init(&t->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_AUTO_SEND_TICKET);
	if (rc < 0)
		return -ENOMEM;
	gnutls_session_set_ptr(t->session, t);
	gnutls_transport_set_ptr(t->session, t);
	gnutls_transport_set_pull_function(t->session, on_pull);
	gnutls_transport_set_pull_timeout_function(t->session, on_pull_timeout);
	gnutls_transport_set_push_function(t->session, on_push);
	gnutls_handshake_set_timeout(t->session, 0);	/* our deadlines count */
	gnutls_handshake_set_post_client_hello_function(t->session, on_client_hello);
	rc = gnutls_priority_set(t->session, s->priority);
	if (rc == 0)
		rc = gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE, s->credentials);
	if (rc == 0 && s->seed.data)
		rc = gnutls_session_ticket_enable_server(t->session, &s->seed);
	if (rc == 0)
		rc = set_alpn(t->session, alpn, alpn_size);
	if (rc < 0) {
		gnutls_deinit(t->session);
		t->session = NULL;
		return -ENOMEM;
	}
	t->settings = s;
	s->refs++;
	t->tickets = s->seed.data != NULL;
	t->cert = cert;
	cert->refs++;
	return 0;
}

void tls_clear(struct tls *t)
{
	if (!t->session)
		return;
	gnutls_deinit(t->session);
	tls_settings_unref(t->settings);
	cert_unref(t->cert);
	*t = (struct tls){ 0 };
}

/* GnuTLS would call some of what clients do an internal error. */
static uint8_t alert_for(int rc)
{
	int level;

	switch (rc) {
	case GNUTLS_E_REHANDSHAKE: return GNUTLS_A_HANDSHAKE_FAILURE;
	case GNUTLS_E_WARNING_ALERT_RECEIVED:
	case GNUTLS_E_TOO_MANY_EMPTY_PACKETS:
	case GNUTLS_E_TOO_MANY_HANDSHAKE_PACKETS: return GNUTLS_A_UNEXPECTED_MESSAGE;
	default: return (uint8_t)gnutls_error_to_alert(rc, &level);
	}
}

static enum tls_result too_barren(uint8_t *alert, const char **text)
{
	*alert = GNUTLS_A_UNEXPECTED_MESSAGE;
	*text = BARREN_TEXT;
	return TLS_ERROR;
}

static const char *alert_name(uint8_t alert)
{
	const char *name = gnutls_alert_get_name((gnutls_alert_description_t)alert);

	return name ? name : "an alert without a name";
}

static enum tls_result failed(struct tls *t, int rc, uint8_t *alert, const char **text)
{
	*text = gnutls_strerror(rc);
	if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED) {
		*alert = (uint8_t)gnutls_alert_get(t->session);
		*text = alert_name(*alert);
		return TLS_ALERT;
	}
	if (rc == GNUTLS_E_MEMORY_ERROR)
		return TLS_MEMORY;
	if (rc == GNUTLS_E_RECEIVED_DISALLOWED_NAME) {
		*alert = GNUTLS_A_UNRECOGNIZED_NAME;
		return TLS_NAME;
	}
	if (rc == GNUTLS_E_PK_SIGN_FAILED) {
		t->hello_unsent = t->out->size == 0;
		*alert = GNUTLS_A_INTERNAL_ERROR;
		return TLS_SIGN;
	}
	*alert = t->name_differs ? GNUTLS_A_ILLEGAL_PARAMETER : alert_for(rc);
	return TLS_ERROR;
}

/*
 * In TLS 1.3 a client that does not like our flight, its certificate for
 * example, may say so before it has changed its keys: an alert in clear, which
 * GnuTLS takes for a record that it cannot decrypt. It has just pulled it.
 */
static bool is_plain_alert(const struct tls *t, const uint8_t *view)
{
	const uint8_t *at = t->in - 7;

	return t->in - view >= 7 && at[0] == 21 && at[1] == 3 && at[3] == 0 && at[4] == 2 && at[5] == GNUTLS_AL_FATAL;
}

/* True while a call may simply be made again. */
static bool goes_on(struct tls *t, int rc, size_t left_before)
{
	t->barren += left_before - t->in_left;
	if (t->barren > BARREN_BYTES_MAX)
		return false;
	if (rc == GNUTLS_E_WARNING_ALERT_RECEIVED)
		return ++t->warnings <= WARNINGS_MAX;
	return (rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED) && t->in_left > 0 && t->in_left < left_before;
}

/*
 * One is enough, and cheaper. Where a request came along with the end of the
 * handshake it goes along with the answer. Else at once: it carries the
 * acknowledgement for which a client with Nagle's algorithm holds its request
 * back, and which the kernel would keep for 40 ms.
 */
static void send_ticket(struct tls *t)
{
	if (t->ticket_due)
		gnutls_session_ticket_send(t->session, 1, 0);
	t->ticket_due = false;
}

enum tls_result tls_handshake(struct tls *t, uint8_t *alert, const char **text)
{
	const uint8_t *view = t->in;
	size_t left;
	int rc;

	certs_in_hand(t->cert);
	do {
		left = t->in_left;
		rc = gnutls_handshake(t->session);
	} while (goes_on(t, rc, left));
	certs_in_hand(NULL);
	if (rc != 0 && t->barren > BARREN_BYTES_MAX)
		return too_barren(alert, text);
	if (rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED)
		return TLS_AGAIN;
	if (rc == GNUTLS_E_DECRYPTION_FAILED && is_plain_alert(t, view)) {
		*alert = t->in[-1];
		*text = alert_name(*alert);
		return TLS_ALERT;
	}
	if (rc < 0)
		return failed(t, rc, alert, text);
	t->ticket_due = t->tickets && gnutls_protocol_get_version(t->session) == GNUTLS_TLS1_3;
	if (t->in_left == 0)
		send_ticket(t);
	return TLS_OK;
}

enum tls_result tls_read(struct tls *t, void *out, size_t cap, size_t *n, uint8_t *alert, const char **text)
{
	size_t left;
	ssize_t rc;

	*n = 0;
	do {
		left = t->in_left;
		rc = gnutls_record_recv(t->session, out, cap);
	} while (goes_on(t, (int)rc, left));
	if (rc > 0) {
		*n = (size_t)rc;
		t->barren = 0;
		return TLS_OK;
	}
	if (rc == 0)
		return TLS_GOODBYE;
	if (t->barren > BARREN_BYTES_MAX)
		return too_barren(alert, text);
	if (rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED)
		return TLS_AGAIN;
	return failed(t, (int)rc, alert, text);
}

int tls_write(struct tls *t, const void *data, size_t size)
{
	const uint8_t *p = data;

	send_ticket(t);
	while (size > 0) {
		ssize_t n = gnutls_record_send(t->session, p, size);
		if (n <= 0)
			return t->out->overflow ? -ENOBUFS : -EPROTO;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

void tls_goodbye(struct tls *t)
{
	send_ticket(t);
	gnutls_bye(t->session, GNUTLS_SHUT_WR);
}

/*
 * GnuTLS would encrypt it with keys that the client cannot have, and loses the
 * ServerHello, where that waits in its buffer for the rest of the flight (after
 * a HelloRetryRequest; else the ChangeCipherSpec has pushed it).
 */
void tls_alert(struct tls *t, uint8_t alert)
{
	const uint8_t record[7] = { 21, 3, 3, 0, 2, GNUTLS_AL_FATAL, alert };

	if (t->hello_unsent)
		on_push(t, record, sizeof record);
	else
		gnutls_alert_send(t->session, GNUTLS_AL_FATAL, alert);
}

bool tls_resumed(const struct tls *t) { return gnutls_session_is_resumed(t->session); }

uint16_t tls_version(const struct tls *t)
{
	switch (gnutls_protocol_get_version(t->session)) {
	case GNUTLS_TLS1_3: return 0x0304;
	case GNUTLS_TLS1_2: return 0x0303;
	default: return 0;
	}
}

const char *tls_version_text(uint16_t version)
{
	return version == 0x0304 ? "1.3" : version == 0x0303 ? "1.2" : "";
}

void tls_alpn(const struct tls *t, char *out)
{
	gnutls_datum_t d;

	out[0] = '\0';
	if (gnutls_alpn_get_selected_protocol(t->session, &d) == 0 && d.size < 32)
		snprintf(out, 32, "%.*s", (int)d.size, (const char *)d.data);
}

uint16_t tls_cipher(const struct tls *t, const char **openssl_name)
{
	const char *name = gnutls_ciphersuite_get(t->session);

	*openssl_name = name ? name : "";
	for (size_t i = 0; name && i < sizeof ciphers / sizeof ciphers[0]; i++) {
		if (strcmp(ciphers[i].gnutls, name) == 0) {
			*openssl_name = ciphers[i].openssl;
			return ciphers[i].number;
		}
	}
	return 0;
}
