/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ClientHello, read from the raw bytes of a connection before there is any
 * TLS object for it (RFC 8446, RFC 5246, RFC 6066, RFC 7301).
 *
 * Every list here is bounded: what a client offers beyond a bound is ignored,
 * never an error. GREASE values (RFC 8701) are in no list.
 */
#ifndef WORKER_HELLO_H
#define WORKER_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/names.h"

/* The longest ClientHello, with its header of 4 bytes. */
#define HELLO_MAX_BYTES 16384
/*
 * What the buffer that gathers it must hold. A ClientHello of HELLO_MAX_BYTES
 * has room for 3,276 record headers here, one of 5,000 bytes may come in
 * records of one byte; what needs more is refused.
 */
#define HELLO_BUFFER_BYTES 32768

#define HELLO_VERSIONS_MAX 8
#define HELLO_CIPHERS_MAX 128
#define HELLO_SIGNATURES_MAX 64
#define HELLO_GROUPS_MAX 32
#define HELLO_ALPN_MAX 16
#define HELLO_ALPN_BYTES 512	/* the names of all protocols together */

enum hello_alert {
	HELLO_UNEXPECTED_MESSAGE = 10,
	HELLO_RECORD_OVERFLOW = 22,
	HELLO_ILLEGAL_PARAMETER = 47,
	HELLO_DECODE_ERROR = 50,
	HELLO_PROTOCOL_VERSION = 70,
};

enum hello_result { HELLO_AGAIN, HELLO_DONE, HELLO_BAD };

/* Where the next hello_parse goes on; nobody else's business. */
struct hello_scan {
	size_t at;		/* next byte to look at */
	size_t record_left;	/* bytes of the current record not looked at */
	size_t gathered;	/* bytes of the message seen */
	size_t wanted;		/* until this many are seen */
	uint8_t header[4];	/* of the message */
};

struct hello_protocol {
	uint16_t offset;	/* in alpn_bytes */
	uint16_t size;		/* 1 to 255; any byte may be in it, also NUL */
};

/* Owns all that it says; nothing points into the bytes that were parsed. */
struct hello {
	/* Set when hello_parse said HELLO_BAD. */
	enum hello_alert alert;	/* to be sent to the client */
	const char *why;	/* a static phrase for the log */

	/* Set when it said HELLO_DONE. */
	bool has_sni;		/* false also for an IP literal */
	bool session_ticket;	/* the extension is there, perhaps empty */
	bool pre_shared_key;
	bool resumes;		/* brings a ticket or a pre-shared key */
	char sni[NAME_BYTES];	/* as name_normalize writes it; "" without */
	uint16_t legacy_version;
	/*
	 * In the client's order. Without the supported_versions extension the
	 * one version is legacy_version, at most TLS 1.2 (RFC 8446, 4.2.1).
	 */
	uint16_t versions[HELLO_VERSIONS_MAX];
	uint16_t ciphers[HELLO_CIPHERS_MAX];
	uint16_t signatures[HELLO_SIGNATURES_MAX];
	uint16_t groups[HELLO_GROUPS_MAX];
	struct hello_protocol alpn[HELLO_ALPN_MAX];
	uint8_t alpn_bytes[HELLO_ALPN_BYTES];
	size_t n_versions;
	size_t n_ciphers;
	size_t n_signatures;
	size_t n_groups;
	size_t n_alpn;
	size_t n_alpn_bytes;

	struct hello_scan scan;	/* last: what is above depends on the bytes alone */
};

/* Before the first hello_parse of a connection. */
void hello_init(struct hello *h);

/*
 * Called with all bytes of the connection so far, from the first one, each
 * time more have come (data may move); a call costs what the new bytes cost.
 *
 * HELLO_AGAIN: not complete yet; never for HELLO_BUFFER_BYTES or more.
 * HELLO_DONE: h is filled; bytes of later records may follow in data.
 * HELLO_BAD: h->alert and h->why are set.
 *
 * Not called again after the last two. Where the answer comes does not depend
 * on how the bytes were cut into calls.
 */
enum hello_result hello_parse(const uint8_t *data, size_t size, struct hello *h);

bool hello_offers_version(const struct hello *h, uint16_t version);
bool hello_offers_alpn(const struct hello *h, const char *proto, size_t size);

/*
 * Can this client be served a certificate with such a key? If it offers TLS
 * 1.3 this is answered for TLS 1.3, otherwise for TLS 1.2 with an ephemeral
 * elliptic key exchange. SHA-1 signatures do not count, so a TLS 1.2 client
 * without signature_algorithms accepts nothing. group: the named group of the
 * certificate's key: 23 secp256r1, 24 secp384r1, 25 secp521r1; no other is
 * ever accepted.
 */
bool hello_accepts_ecdsa(const struct hello *h, uint16_t group);
bool hello_accepts_rsa(const struct hello *h);
bool hello_accepts_ed25519(const struct hello *h);
/* Among the suites for such a key, is one that tlsward offers if it is not told otherwise? */
bool hello_offers_aead(const struct hello *h, bool rsa);

#endif
