/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keeper's servers, one forked process per worker: their start, their
 * replacement, their death, the new key store that they get at a reload.
 *
 * A reload hands each living server the sealed memfd over a channel of its
 * own, rather than forking new servers: so a server keeps its process id and
 * its socket, and no request that is on its way is lost. Until the commit both
 * stores sign: workers go over to the new catalog one after the other.
 */
#ifndef KEEPER_SIGNER_H
#define KEEPER_SIGNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "workers/keeper/keystore.h"
#include "workers/keeper/sign.h"

#define SIGNER_ANY_CPU 0xffff

struct signer;

/* All zero: none. */
struct signers { struct signer *first; };

/* What a server starts with, all of it lent. */
struct signer_start {
	uint16_t worker;
	uint16_t cpu;			/* or SIGNER_ANY_CPU */
	int fd;				/* its end of the channel to the worker */
	bool sandbox;
	struct keystore *store;
	struct sign_lib *lib;
	uint64_t *signatures;		/* counter in memory that all servers share */
};

/*
 * Forks the server of a worker, which has no other descriptor of the keeper
 * but the log. An older server of that worker is killed. Returns its process
 * id or a negative errno.
 */
pid_t signers_start(struct signers *s, const struct signer_start *start);

/* Sends all servers a store beside the one in force; one that cannot take it is killed. */
void signers_add(struct signers *s, const struct keystore *store);
/* The same with the keys that the keeper has made, in place of those sent before. */
void signers_made(struct signers *s, const struct keystore *store);
/* The added store is the one in force; or it is dropped. */
void signers_commit(struct signers *s);
void signers_discard(struct signers *s);

/* Tells all servers from which level on to log. */
void signers_log_level(struct signers *s, uint8_t level);

/* Collects those that have ended; a death that was not asked for is logged. */
void signers_reap(struct signers *s);

/* Kills all and waits for their end. */
void signers_clear(struct signers *s);

#endif
