/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * First the scan: bytes through records to one whole handshake message, going
 * on where the last call stopped. Then, once, the message.
 */
#include "workers/worker/hello.h"

#include <string.h>

#include "common/buf.h"

#define RECORD_HANDSHAKE 22
#define RECORD_HEADER_BYTES 5
#define RECORD_MAX_BYTES 16384
#define MESSAGE_CLIENT_HELLO 1
#define MESSAGE_HEADER_BYTES 4
#define RANDOM_BYTES 32
#define SESSION_ID_MAX_BYTES 32

#define TLS_1_2 0x0303

enum extension {
	EXT_SERVER_NAME = 0,
	EXT_SUPPORTED_GROUPS = 10,
	EXT_SIGNATURE_ALGORITHMS = 13,
	EXT_ALPN = 16,
	EXT_SESSION_TICKET = 35,
	EXT_PRE_SHARED_KEY = 41,
	EXT_SUPPORTED_VERSIONS = 43,
};

void hello_init(struct hello *h)
{
	memset(h, 0, sizeof *h);
	h->scan.wanted = MESSAGE_HEADER_BYTES;
}

/* Returns false, so that a check can end with it. */
static bool bad(struct hello *h, enum hello_alert alert, const char *why)
{
	h->alert = alert;
	h->why = why;
	return false;
}

static enum hello_result refuse(struct hello *h, enum hello_alert alert, const char *why)
{
	bad(h, alert, why);
	return HELLO_BAD;
}

/* The scan */

/* What often comes to a TLS port by mistake; operators want to be told. */
static const struct {
	const char *start;
	const char *why;
} strangers[] = {
	{ "GET ", "plain HTTP on the TLS port" },
	{ "HEAD ", "plain HTTP on the TLS port" },
	{ "POST ", "plain HTTP on the TLS port" },
	{ "PUT ", "plain HTTP on the TLS port" },
	{ "PATCH ", "plain HTTP on the TLS port" },
	{ "TRACE ", "plain HTTP on the TLS port" },
	{ "DELETE ", "plain HTTP on the TLS port" },
	{ "OPTIONS ", "plain HTTP on the TLS port" },
	{ "CONNECT ", "plain HTTP on the TLS port" },
	{ "PRI * ", "plain HTTP/2 on the TLS port" },
	{ "PROXY ", "a PROXY header on the TLS port" },
	{ "\r\n\r\n", "a PROXY header on the TLS port" },
	{ "SSH-", "SSH on the TLS port" },
};

/*
 * The first byte is not TLS. While the bytes may still become a stranger that
 * has a name they are waited for, so that the answer does not depend on how
 * they come.
 */
static enum hello_result name_stranger(struct hello *h, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
		size_t n = strlen(strangers[i].start);

		if (memcmp(data, strangers[i].start, size < n ? size : n) != 0)
			continue;
		if (size < n)
			return HELLO_AGAIN;
		return refuse(h, HELLO_UNEXPECTED_MESSAGE, strangers[i].why);
	}
	return refuse(h, HELLO_UNEXPECTED_MESSAGE, "not a TLS handshake");
}

/* HELLO_DONE: the header has been read. Each byte is judged when it is there. */
static enum hello_result scan_record_header(struct hello *h, const uint8_t *data, size_t size)
{
	struct hello_scan *s = &h->scan;
	size_t there = size - s->at;

	if (there == 0)
		return HELLO_AGAIN;

	const uint8_t *header = data + s->at;

	if (header[0] != RECORD_HANDSHAKE)
		return s->at == 0 ? name_stranger(h, data, size) :
			refuse(h, HELLO_UNEXPECTED_MESSAGE, "another record within the ClientHello");
	if (there >= 2 && header[1] != 3)
		return refuse(h, HELLO_PROTOCOL_VERSION, "unknown record version");
	if (there < RECORD_HEADER_BYTES)
		return HELLO_AGAIN;
	s->record_left = (size_t)header[3] << 8 | header[4];
	s->at += RECORD_HEADER_BYTES;
	if (s->record_left == 0)
		return refuse(h, HELLO_UNEXPECTED_MESSAGE, "empty handshake record");
	if (s->record_left > RECORD_MAX_BYTES)
		return refuse(h, HELLO_RECORD_OVERFLOW, "record too long");
	return HELLO_DONE;
}

/* At least one byte of the message's header is there; `wanted` comes from it. */
static enum hello_result judge_message_header(struct hello *h)
{
	struct hello_scan *s = &h->scan;

	if (s->header[0] != MESSAGE_CLIENT_HELLO)
		return refuse(h, HELLO_UNEXPECTED_MESSAGE, "a handshake message that is no ClientHello");
	if (s->gathered < MESSAGE_HEADER_BYTES)
		return HELLO_DONE;
	s->wanted += (size_t)s->header[1] << 16 | (size_t)s->header[2] << 8 | s->header[3];
	if (s->wanted > HELLO_MAX_BYTES)
		return refuse(h, HELLO_DECODE_ERROR, "ClientHello too long");
	return HELLO_DONE;
}

/* HELLO_DONE: went on. */
static enum hello_result scan_payload(struct hello *h, const uint8_t *data, size_t size)
{
	struct hello_scan *s = &h->scan;
	size_t n = size - s->at;
	size_t had = s->gathered;

	if (n == 0)
		return HELLO_AGAIN;
	if (n > s->record_left)
		n = s->record_left;
	if (n > s->wanted - s->gathered)
		n = s->wanted - s->gathered;
	if (had < MESSAGE_HEADER_BYTES)
		memcpy(s->header + had, data + s->at, n);
	s->at += n;
	s->record_left -= n;
	s->gathered += n;
	return had < MESSAGE_HEADER_BYTES ? judge_message_header(h) : HELLO_DONE;
}

/* HELLO_DONE: the message is complete and ends with its record. */
static enum hello_result scan(struct hello *h, const uint8_t *data, size_t size)
{
	struct hello_scan *s = &h->scan;
	size_t end = size < HELLO_BUFFER_BYTES ? size : HELLO_BUFFER_BYTES;

	while (s->gathered < s->wanted) {
		enum hello_result r = s->record_left ? scan_payload(h, data, end) :
			scan_record_header(h, data, end);

		if (r == HELLO_AGAIN && end == HELLO_BUFFER_BYTES)
			return refuse(h, HELLO_RECORD_OVERFLOW, "ClientHello in too many records");
		if (r != HELLO_DONE)
			return r;
	}
	/* RFC 8446, 5.1: a ClientHello ends where a record ends. */
	if (s->record_left)
		return refuse(h, HELLO_UNEXPECTED_MESSAGE, "more data in the ClientHello's record");
	return HELLO_DONE;
}

/* Of complete records, the last of which ends with the message. */
static void join_records(const uint8_t *data, uint8_t *message, size_t wanted)
{
	for (size_t got = 0; got < wanted; ) {
		size_t n = (size_t)data[3] << 8 | data[4];

		memcpy(message + got, data + RECORD_HEADER_BYTES, n);
		got += n;
		data += RECORD_HEADER_BYTES + n;
	}
}

/* The message */

/* What follows a length of one or two bytes; failed if b is too short for it. */
static struct buf vector(struct buf *b, size_t length_bytes)
{
	size_t n = length_bytes == 1 ? buf_get_u8(b) : buf_get_u16(b);
	const uint8_t *p = buf_get_bytes(b, n);
	struct buf v;

	buf_init_read(&v, p, p ? n : 0);
	v.failed = b->failed;
	return v;
}

/* The same for a body that is one vector and nothing else. */
static struct buf only_vector(struct buf *body, size_t length_bytes)
{
	struct buf v = vector(body, length_bytes);

	if (buf_left(body))
		v.failed = true;
	return v;
}

static bool is_grease(uint16_t v)
{
	return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff);
}

static bool read_numbers(struct buf *v, uint16_t *out, size_t *count, size_t max)
{
	if (v->failed || buf_left(v) == 0 || buf_left(v) % 2)
		return false;
	*count = 0;
	while (buf_left(v)) {
		uint16_t n = buf_get_u16(v);

		if (*count < max && !is_grease(n))
			out[(*count)++] = n;
	}
	return true;
}

static bool read_host_name(struct hello *h, const uint8_t *name, size_t size)
{
	char text[NAME_BYTES];
	size_t n = size > 0 && name[size - 1] == '.' ? size - 1 : size;

	if (n == 0)
		return bad(h, HELLO_ILLEGAL_PARAMETER, "empty SNI");
	if (n >= NAME_BYTES)
		return bad(h, HELLO_ILLEGAL_PARAMETER, "SNI too long");
	memcpy(text, name, n);
	text[n] = '\0';
	if (strlen(text) == n && name_is_ip(text))
		return true;
	h->has_sni = name_normalize((const char *)name, size, false, h->sni);
	if (!h->has_sni)
		return bad(h, HELLO_ILLEGAL_PARAMETER, "SNI is no host name");
	return true;
}

static bool read_server_name(struct hello *h, struct buf *body)
{
	struct buf list = only_vector(body, 2);
	bool named = false;

	if (list.failed || buf_left(&list) == 0)
		return bad(h, HELLO_DECODE_ERROR, "malformed server_name");
	while (buf_left(&list)) {
		uint8_t type = buf_get_u8(&list);
		struct buf name = vector(&list, 2);

		if (list.failed)
			return bad(h, HELLO_DECODE_ERROR, "malformed server_name");
		/* Other types have the same shape (RFC 6066, 3). */
		if (type != 0)
			continue;
		if (named)
			return bad(h, HELLO_ILLEGAL_PARAMETER, "several names in the SNI");
		named = true;
		if (!read_host_name(h, name.data, name.size))
			return false;
	}
	return true;
}

static void keep_protocol(struct hello *h, const uint8_t *name, size_t size)
{
	if (h->n_alpn == HELLO_ALPN_MAX || size > HELLO_ALPN_BYTES - h->n_alpn_bytes)
		return;
	if (size == 2 && is_grease((uint16_t)(name[0] << 8 | name[1])))
		return;
	memcpy(h->alpn_bytes + h->n_alpn_bytes, name, size);
	h->alpn[h->n_alpn++] = (struct hello_protocol){
		.offset = (uint16_t)h->n_alpn_bytes, .size = (uint16_t)size,
	};
	h->n_alpn_bytes += size;
}

static bool read_alpn(struct hello *h, struct buf *body)
{
	struct buf list = only_vector(body, 2);

	if (list.failed || buf_left(&list) == 0)
		return bad(h, HELLO_DECODE_ERROR, "malformed ALPN");
	while (buf_left(&list)) {
		struct buf name = vector(&list, 1);

		if (name.failed || name.size == 0)
			return bad(h, HELLO_DECODE_ERROR, "malformed ALPN");
		keep_protocol(h, name.data, name.size);
	}
	return true;
}

static bool read_extension(struct hello *h, uint16_t type, struct buf *body)
{
	struct buf list;

	switch (type) {
	case EXT_SERVER_NAME:
		return read_server_name(h, body);
	case EXT_ALPN:
		return read_alpn(h, body);
	case EXT_SUPPORTED_VERSIONS:
		list = only_vector(body, 1);
		return read_numbers(&list, h->versions, &h->n_versions, HELLO_VERSIONS_MAX) ||
			bad(h, HELLO_DECODE_ERROR, "malformed supported_versions");
	case EXT_SUPPORTED_GROUPS:
		list = only_vector(body, 2);
		return read_numbers(&list, h->groups, &h->n_groups, HELLO_GROUPS_MAX) ||
			bad(h, HELLO_DECODE_ERROR, "malformed supported_groups");
	case EXT_SIGNATURE_ALGORITHMS:
		list = only_vector(body, 2);
		return read_numbers(&list, h->signatures, &h->n_signatures, HELLO_SIGNATURES_MAX) ||
			bad(h, HELLO_DECODE_ERROR, "malformed signature_algorithms");
	case EXT_SESSION_TICKET:
		h->session_ticket = true;
		h->resumes |= body->size > 0;
		return true;
	case EXT_PRE_SHARED_KEY:
		h->pre_shared_key = h->resumes = true;
		return true;
	default:
		return true;
	}
}

static bool read_extensions(struct hello *h, struct buf *b)
{
	uint8_t seen[65536 / 8] = { 0 };

	while (buf_left(b)) {
		uint16_t type = buf_get_u16(b);
		struct buf body = vector(b, 2);

		if (b->failed)
			return bad(h, HELLO_DECODE_ERROR, "extensions of a wrong length");
		if (seen[type / 8] & 1 << type % 8)
			return bad(h, HELLO_ILLEGAL_PARAMETER, "an extension comes twice");
		seen[type / 8] |= (uint8_t)(1 << type % 8);
		if (h->pre_shared_key)
			return bad(h, HELLO_ILLEGAL_PARAMETER, "pre_shared_key is not the last extension");
		if (!read_extension(h, type, &body))
			return false;
	}
	return true;
}

/* The fields before the extensions; b is then at these, or at its end. */
static bool read_fields(struct hello *h, struct buf *b)
{
	h->legacy_version = buf_get_u16(b);
	if (!b->failed && h->legacy_version >> 8 != 3)
		return bad(h, HELLO_PROTOCOL_VERSION, "unknown version in the ClientHello");
	h->versions[0] = h->legacy_version < TLS_1_2 ? h->legacy_version : TLS_1_2;
	h->n_versions = 1;
	buf_get_bytes(b, RANDOM_BYTES);

	struct buf session_id = vector(b, 1);
	struct buf ciphers = vector(b, 2);
	struct buf compressions = vector(b, 1);

	if (b->failed || session_id.size > SESSION_ID_MAX_BYTES || compressions.size == 0)
		return bad(h, HELLO_DECODE_ERROR, "malformed ClientHello");
	if (!read_numbers(&ciphers, h->ciphers, &h->n_ciphers, HELLO_CIPHERS_MAX))
		return bad(h, HELLO_DECODE_ERROR, "malformed cipher suites");
	if (!memchr(compressions.data, 0, compressions.size))
		return bad(h, HELLO_ILLEGAL_PARAMETER, "no null compression");
	return true;
}

static bool read_message(struct hello *h, const uint8_t *body, size_t size)
{
	struct buf b;

	buf_init_read(&b, body, size);
	if (!read_fields(h, &b))
		return false;
	if (buf_left(&b) == 0)	/* no extensions: TLS 1.2 allows it */
		return true;

	struct buf extensions = only_vector(&b, 2);

	if (extensions.failed)
		return bad(h, HELLO_DECODE_ERROR, "extensions of a wrong length");
	return read_extensions(h, &extensions);
}

enum hello_result hello_parse(const uint8_t *data, size_t size, struct hello *h)
{
	uint8_t message[HELLO_MAX_BYTES];
	enum hello_result r = scan(h, data, size);

	if (r != HELLO_DONE)
		return r;
	join_records(data, message, h->scan.wanted);
	return read_message(h, message + MESSAGE_HEADER_BYTES, h->scan.wanted - MESSAGE_HEADER_BYTES) ?
		HELLO_DONE : HELLO_BAD;
}
