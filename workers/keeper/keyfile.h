/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads one file of an operator: its private keys go into a key store, its
 * certificates, if asked for, into a memfd that others may have. The only
 * place where files meet the keeper.
 */
#ifndef KEEPER_KEYFILE_H
#define KEEPER_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "workers/keeper/keystore.h"
#include "workers/keeper/sign.h"

#define KEYFILE_BYTES_MAX ((size_t)1 << 20)

/* Memory for one file's text: not in core dumps, not in forked children. */
struct keyfile_reader {
	struct sign_lib *lib;	/* lent */
	char *text;
	bool locked;		/* its pages cannot be swapped out */
};
int keyfile_reader_init(struct keyfile_reader *r, struct sign_lib *lib);
void keyfile_reader_clear(struct keyfile_reader *r);

struct keyfile {
	unsigned keys, certificates;
	int certificates_fd;	/* sealed, the CERTIFICATE blocks alone, in order; owned; -1: none, or they fit in text */
	uint8_t text[MSG_CERTS_MAX];	/* where they are then */
	size_t text_size;
	uint32_t number;
	char error[256];	/* "" or what is wrong, to be put after the file's name: "is empty" */
};

/* One in which nothing was read. */
void keyfile_init(struct keyfile *f, uint32_t number);

enum keyfile_kind {
	KEYFILE_KEY,	/* at least one key; certificates are left where they are */
	KEYFILE_MIXED,	/* any keys and certificates, at least one */
	KEYFILE_KEYS,	/* the keys of a mixed file; there may be none */
};
/*
 * Reads the file behind fd, which is lent, from its beginning; number: by
 * which its keys are known to be of it. After an error nothing of the file is
 * in the store.
 */
void keyfile_read(struct keyfile_reader *r, int fd, uint32_t number, enum keyfile_kind kind, struct keystore *into, struct keyfile *f);
void keyfile_clear(struct keyfile *f);

#endif
