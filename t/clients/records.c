/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TLS client that, after an honest handshake, sends records that no library
 * would send, as many as it is told, and says what came of it:
 *
 *	records ADDRESS PORT NAME VERSION KIND COUNT TOGETHER
 *
 * VERSION is 1.2 or 1.3, KIND a row of `kinds`; TOGETHER records go into one
 * write, so that the other side reads them at once; 0: each alone, with a pause
 * in which the other side reads it. Then it says goodbye. Prints "sent N",
 * and what came last: "goodbye" (it was answered in kind), "alert N", "closed",
 * "reset" or "open" (nothing within 20 s).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_S 20
#define PAUSE_US 100
#define SECRET_BYTES 32		/* SHA-256 */
#define RECORD_MAX 600
#define TOGETHER_MAX 4096

enum { CHANGE_CIPHER_SPEC = 20, ALERT = 21, HANDSHAKE = 22, DATA = 23 };

struct sender {
	gnutls_session_t session;
	gnutls_aead_cipher_hd_t cipher;
	bool tls13;
	uint8_t secret[SECRET_BYTES];	/* of TLS 1.3 */
	uint8_t iv[12];
	uint64_t seq;
};

static struct sender sender;

static void die(const char *what, int rc)
{
	fprintf(stderr, "records: %s: %s\n", what, rc < 0 ? gnutls_strerror(rc) : strerror(errno));
	exit(2);
}

static void must(const char *what, int rc)
{
	if (rc < 0)
		die(what, rc);
}

/* ---- keys ---- */

/* RFC 8446 7.1, with an empty context. */
static void expand_label(const uint8_t *secret, const char *label, void *out, size_t size)
{
	uint8_t info[64] = { 0, (uint8_t)size };
	size_t n = strlen(label) + 6;
	gnutls_datum_t key = { (uint8_t *)(uintptr_t)secret, SECRET_BYTES }, data = { info, 0 };

	info[2] = (uint8_t)n;
	snprintf((char *)info + 3, sizeof info - 3, "tls13 %s", label);
	data.size = (unsigned)(3 + n + 1);
	must("HKDF", gnutls_hkdf_expand(GNUTLS_MAC_SHA256, &key, &data, out, size));
}

static void set_key(struct sender *s, const void *key)
{
	gnutls_datum_t k = { (uint8_t *)(uintptr_t)key, 16 };

	if (s->cipher)
		gnutls_aead_cipher_deinit(s->cipher);
	must("cipher", gnutls_aead_cipher_init(&s->cipher, GNUTLS_CIPHER_AES_128_GCM, &k));
}

static void set_secret(struct sender *s)
{
	uint8_t key[16];

	expand_label(s->secret, "key", key, sizeof key);
	expand_label(s->secret, "iv", s->iv, sizeof s->iv);
	set_key(s, key);
	s->seq = 0;
}

static void next_secret(struct sender *s)
{
	uint8_t next[SECRET_BYTES];

	expand_label(s->secret, "traffic upd", next, sizeof next);
	memcpy(s->secret, next, sizeof next);
	set_secret(s);
}

static int on_key(gnutls_session_t session, const char *label, const gnutls_datum_t *secret)
{
	(void)session;
	if (strcmp(label, "CLIENT_TRAFFIC_SECRET_0") == 0 && secret->size == SECRET_BYTES)
		memcpy(sender.secret, secret->data, SECRET_BYTES);
	return 0;
}

static void take_keys(struct sender *s)
{
	gnutls_datum_t mac, iv, key;
	uint8_t seq[8];

	s->tls13 = gnutls_protocol_get_version(s->session) == GNUTLS_TLS1_3;
	if (s->tls13) {
		set_secret(s);
		return;
	}
	must("state", gnutls_record_get_state(s->session, 0, &mac, &iv, &key, seq));
	memcpy(s->iv, iv.data, 4);
	set_key(s, key.data);
	for (int i = 0; i < 8; i++)
		s->seq = s->seq << 8 | seq[i];
}

/* ---- records ---- */

static void put_u64(uint8_t *at, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		at[i] = (uint8_t)v;
}

static void put_header(uint8_t *at, int type, size_t size)
{
	at[0] = (uint8_t)type;
	at[1] = at[2] = 3;
	at[3] = (uint8_t)(size >> 8);
	at[4] = (uint8_t)size;
}

static size_t seal(struct sender *s, const uint8_t nonce[12], const void *extra, size_t extra_size,
	const void *text, size_t size, uint8_t *out)
{
	size_t n = size + 16;

	must("encrypt", gnutls_aead_cipher_encrypt(s->cipher, nonce, 12, extra, extra_size, 16, text, size, out, &n));
	return n;
}

static size_t record13(struct sender *s, int type, const uint8_t *body, size_t size, uint8_t *out)
{
	uint8_t nonce[12], seq[8], text[RECORD_MAX];

	memcpy(text, body, size);
	text[size] = (uint8_t)type;
	memcpy(nonce, s->iv, sizeof nonce);
	put_u64(seq, s->seq++);
	for (int i = 0; i < 8; i++)
		nonce[4 + i] ^= seq[i];
	put_header(out, DATA, size + 17);
	return 5 + seal(s, nonce, out, 5, text, size + 1, out + 5);
}

static size_t record12(struct sender *s, int type, const uint8_t *body, size_t size, uint8_t *out)
{
	uint8_t nonce[12], extra[13];

	memcpy(nonce, s->iv, 4);
	put_u64(nonce + 4, s->seq);
	put_u64(extra, s->seq++);
	put_header(extra + 8, type, size);
	put_header(out, type, size + 24);
	memcpy(out + 5, nonce + 4, 8);
	return 13 + seal(s, nonce, extra, sizeof extra, body, size, out + 13);
}

static size_t record(struct sender *s, int type, const void *body, size_t size, uint8_t *out)
{
	return s->tls13 ? record13(s, type, body, size, out) : record12(s, type, body, size, out);
}

static size_t put_data(struct sender *s, long n, uint8_t *out)
{
	(void)n;
	return record(s, DATA, "x", 1, out);
}

static size_t put_empty(struct sender *s, long n, uint8_t *out)
{
	(void)n;
	return record(s, DATA, "", 0, out);
}

/* user_canceled, which means nothing more. */
static size_t put_warning(struct sender *s, long n, uint8_t *out)
{
	(void)n;
	return record(s, ALERT, "\1\132", 2, out);
}

static size_t put_key_update(struct sender *s, long n, uint8_t *out)
{
	(void)n;
	size_t size = record(s, HANDSHAKE, "\30\0\0\1\1", 5, out);
	next_secret(s);
	return size;
}

/* A ClientHello, as much of it as anybody needs to see that it is one. */
static size_t put_renegotiation(struct sender *s, long n, uint8_t *out)
{
	uint8_t hello[4 + 41] = { 1, 0, 0, 41, 3, 3, [38] = 0, [39] = 0, 2, 0xc0, 0x2f, 1, 0 };

	(void)n;
	return record(s, HANDSHAKE, hello, sizeof hello, out);
}

/* A session ticket of 60,000 bytes, one byte a record. */
static size_t put_fragment(struct sender *s, long n, uint8_t *out)
{
	return n == 0 ? record(s, HANDSHAKE, "\4\0\352\140", 4, out) : record(s, HANDSHAKE, "x", 1, out);
}

/* In clear, as middleboxes like it. */
static size_t put_change_cipher_spec(struct sender *s, long n, uint8_t *out)
{
	(void)s;
	(void)n;
	put_header(out, CHANGE_CIPHER_SPEC, 1);
	out[5] = 1;
	return 6;
}

/* RFC 6520, which nobody has asked for. */
static size_t put_heartbeat(struct sender *s, long n, uint8_t *out)
{
	(void)n;
	return record(s, 24, "\1\0\1xxxxxxxxxxxxxxxx", 20, out);
}

static const struct {
	const char *name;
	size_t (*put)(struct sender *s, long n, uint8_t *out);
} kinds[] = {
	{ "data", put_data },
	{ "empty", put_empty },
	{ "warning", put_warning },
	{ "key_update", put_key_update },
	{ "renegotiation", put_renegotiation },
	{ "fragment", put_fragment },
	{ "change_cipher_spec", put_change_cipher_spec },
	{ "heartbeat", put_heartbeat },
};

/* ---- the conversation ---- */

static int connect_to(const char *address, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	struct timeval wait = { .tv_sec = ANSWER_S };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
		die(address, 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	return fd;
}

static void shake_hands(struct sender *s, int fd, const char *name, const char *version)
{
	gnutls_certificate_credentials_t nothing;
	char priority[128];
	int rc;

	snprintf(priority, sizeof priority, "NORMAL:-VERS-ALL:+VERS-TLS%s:-CIPHER-ALL:+AES-128-GCM", version);
	must("credentials", gnutls_certificate_allocate_credentials(&nothing));
	must("session", gnutls_init(&s->session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL));
	must(priority, gnutls_priority_set_direct(s->session, priority, NULL));
	must("credentials", gnutls_credentials_set(s->session, GNUTLS_CRD_CERTIFICATE, nothing));
	must(name, gnutls_server_name_set(s->session, GNUTLS_NAME_DNS, name, strlen(name)));
	gnutls_session_set_keylog_function(s->session, on_key);
	gnutls_transport_set_int(s->session, fd);
	do
		rc = gnutls_handshake(s->session);
	while (rc < 0 && !gnutls_error_is_fatal(rc));
	must("handshake", rc);
}

static void send_goodbye(struct sender *s, int fd)
{
	uint8_t out[RECORD_MAX];
	size_t size = record(s, ALERT, "\1\0", 2, out);

	if (write(fd, out, size) < 0)
		return;		/* the answer says why */
}

/* How many went; fewer when the other side would not have more. */
static long send_records(struct sender *s, int fd, size_t kind, long count, long together)
{
	static uint8_t out[TOGETHER_MAX * RECORD_MAX];
	bool pauses = together == 0;
	long sent = 0;

	together += pauses;
	while (sent < count) {
		size_t size = 0;
		long n = 0;
		for (; n < together && sent + n < count; n++)
			size += kinds[kind].put(s, sent + n, out + size);
		for (size_t at = 0; at < size;) {
			ssize_t went = write(fd, out + at, size - at);
			if (went < 0)
				return sent;
			at += (size_t)went;
		}
		sent += n;
		if (pauses)
			usleep(PAUSE_US);
	}
	return sent;
}

static void say_answer(struct sender *s)
{
	static uint8_t data[16384];
	time_t until = time(NULL) + ANSWER_S;
	ssize_t rc;

	/* AGAIN may be the deadline of the read, or a session ticket. */
	do
		rc = gnutls_record_recv(s->session, data, sizeof data);
	while (rc > 0 || ((rc == GNUTLS_E_INTERRUPTED || rc == GNUTLS_E_AGAIN) && time(NULL) < until));
	if (rc == 0)
		puts("goodbye");
	else if (rc == GNUTLS_E_AGAIN)
		puts("open");
	else if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED || rc == GNUTLS_E_WARNING_ALERT_RECEIVED)
		printf("alert %d\n", (int)gnutls_alert_get(s->session));
	else
		puts(rc == GNUTLS_E_PREMATURE_TERMINATION ? "closed" : "reset");
}

int main(int argc, char **argv)
{
	size_t kind = 0, kinds_n = sizeof kinds / sizeof kinds[0];

	while (argc == 8 && kind < kinds_n && strcmp(kinds[kind].name, argv[5]) != 0)
		kind++;
	long together = argc == 8 ? atol(argv[7]) : -1;
	if (argc != 8 || kind == kinds_n || together < 0 || together > TOGETHER_MAX) {
		fprintf(stderr, "usage: records ADDRESS PORT NAME VERSION KIND COUNT TOGETHER\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	int fd = connect_to(argv[1], argv[2]);
	shake_hands(&sender, fd, argv[3], argv[4]);
	take_keys(&sender);
	printf("sent %ld\n", send_records(&sender, fd, kind, atol(argv[6]), together));
	send_goodbye(&sender, fd);
	say_answer(&sender);
	return 0;
}
