/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a URL in a certificate has answered: the certificate of its issuer, as
 * DER, as PEM or in a PKCS#7 bag (RFC 5280 4.2.2.1). The bytes are anybody's.
 */
#ifndef LIBRARIAN_ANSWER_H
#define LIBRARIAN_ANSWER_H

#include "plugins/chain/cert.h"

#define ANSWER_CERTS_MAX 16	/* looked at in a bag */

/*
 * The one of them that has issued c, its signature checked: a reference, the
 * caller's. NULL with *why set to a static text.
 */
struct chain_cert *answer_issuer(struct chain_cert *c, const void *body, size_t size, const char **why);

#endif
