/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file of certificates (PEM) as the catalog wants it: the server's own
 * certificate with its names, and what came with it.
 */
#ifndef LIBRARIAN_CERTS_H
#define LIBRARIAN_CERTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/catalog.h"
#include "common/msg.h"
#include "plugins/chain/cert.h"

#define CERTS_FILE_BYTES_MAX ((size_t)1 << 20)
#define CERTS_FILE_MAX 64	/* certificates in a file */
#define CERTS_NAMES_MAX 4096	/* of one certificate */

struct certs {
	uint8_t key_id[KEY_ID_BYTES];
	enum catalog_key key;
	uint32_t key_bits, key_usage;		/* bits of GNUTLS_KEY_; 0: it does not say */
	struct bytes spki;			/* in der */
	int64_t not_before, not_after;		/* Unix seconds */
	struct bytes der;			/* the server's own */
	struct chain_cert *cert;		/* it; a reference, as are the others */
	struct chain_cert *others[CERTS_FILE_MAX];	/* what came with it, in the order of the file */
	int others_n;
	char **names;				/* normalized; owned */
	uint32_t names_n;
	bool names_from_cn;	/* it has no dNSName: today's clients look at nothing else */
	bool only_cas;		/* refused because all in it are CA certificates */
	char error[MSG_TEXT_MAX], warning[MSG_TEXT_MAX];	/* for people; "" if none */
};

/*
 * Reads PEM: the leaf first (RFC 8446 4.4.2), then anything else in any order.
 * Names are the dNSNames of the leaf (RFC 6125 6.4), or its CN if there is
 * none. One that is outside its time is taken, with a warning.
 * Returns 0, or -EINVAL with the reason in `error`. To be cleared either way.
 */
int certs_parse(struct certs *c, const void *pem, size_t size, int64_t now);
/*
 * The same for an open file, which is lent: a regular file or memfd, read from
 * its start whatever its offset.
 */
int certs_read(struct certs *c, int fd, int64_t now);
/* The same of certificates that are parsed already; references are kept. */
int certs_take(struct certs *c, struct chain_cert *own, struct chain_cert *const *others, int others_n, int64_t now);
void certs_clear(struct certs *c);

#endif
