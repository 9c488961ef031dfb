/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys that the keeper makes itself: one for each name that a certificate
 * is ordered for, kept in a file that the supervisor's opener has made; and
 * one, in memory alone, for the certificates of challenges.
 */
#ifndef KEEPER_ACME_H
#define KEEPER_ACME_H

#include "workers/keeper/keystore.h"
#include "workers/keeper/request.h"

#define ACME_KEYS_MAX 20000	/* that have been made since the last reload */

struct acme {
	struct sign_lib *lib;		/* lent */
	struct keystore *made;		/* owned; finished; NULL: none */
	struct keystore *loading;	/* owned; keys of runs before, being read; or NULL */
	struct sign_key *challenge;	/* owned; NULL: not made yet */

	/* What an answer points to, until the next question. */
	uint8_t key_id[KEY_ID_BYTES], der[REQUEST_BYTES_MAX];
	char error[200];
};

void acme_init(struct acme *a, struct sign_lib *lib);
void acme_clear(struct acme *a);

/*
 * A request for name with the key in the file behind fd, which is lent; a file
 * without a whole key gets a new one first, on the disk before it is used.
 * True if a->made is another one now.
 */
bool acme_request(struct acme *a, int fd, const char *name, struct msg_csr_ans *ans);
/* The same for a challenge. */
bool acme_challenge(struct acme *a, const struct msg_challenge_req *q, struct msg_challenge_ans *ans);
/* A key of a run before, in the file behind fd, which is lent; it signs after acme_load_end(). */
void acme_load(struct acme *a, int fd, struct msg_own_key_ans *ans);
/* All have been loaded. True if a->made is another one now. */
bool acme_load_end(struct acme *a);

#endif
