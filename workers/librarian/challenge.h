/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file of an http-01 challenge (RFC 8555 8.3), which a web server on port
 * 80 shows to the CA.
 */
#ifndef LIBRARIAN_CHALLENGE_H
#define LIBRARIAN_CHALLENGE_H

#include "common/msg.h"

#define CHALLENGE_TOKEN_MAX 128		/* RFC 8555 8.3: base64url, at least 128 bits */
#define CHALLENGE_PATH_MAX (MSG_PATH_MAX + CHALLENGE_TOKEN_MAX + 64)

/*
 * Puts it into the folder that the CA looks in, below webroot, after looking
 * at every byte of it; path is its own, to be unlinked. 0; -EBADMSG: token and
 * authorization are not what RFC 8555 says; or another negative errno.
 */
int challenge_put(const char *webroot, const char *token, const char *authorization, char path[CHALLENGE_PATH_MAX]);

#endif
