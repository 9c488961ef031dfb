/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What runs in a forked server of the keeper: takes one worker's requests,
 * answers them one after the other, and takes a new key store from the keeper
 * in a reload, which signs beside the old one until it is committed.
 */
#ifndef KEEPER_SERVER_H
#define KEEPER_SERVER_H

#include <stdint.h>

#include "workers/keeper/keycache.h"
#include "workers/keeper/keystore.h"
#include "workers/keeper/sign.h"

struct server {
	struct channel worker, keeper;
	struct keystore *store;		/* owned; in force */
	struct keystore *added;		/* owned; of a reload that is not committed; or NULL */
	struct keystore *made;		/* owned; of keys that the keeper has made; or NULL */
	struct sign_lib *lib;		/* lent */
	uint64_t *signatures;		/* counted with all other servers of the keeper */
	struct keycache cache;
	struct packet packet;
	uint8_t signature[SIGN_SIGNATURE_MAX];
};

/*
 * Serves until worker or keeper close their end, or break the protocol.
 * Returns the process's exit code.
 */
int server_run(struct server *s);

/* Answers one request; *size gets the signature's size in s->signature. */
enum sign_error server_sign(struct server *s, const struct msg_sign_req *req, size_t *size);

#endif
