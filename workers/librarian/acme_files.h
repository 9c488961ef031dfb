/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What ACME keeps in the cache directory, below acme/: certs/NAME.pem, the
 * certificates with their chains; orders/, a record for each name whose order
 * failed; accounts/, uacme's keys and accounts, one folder for each CA; work/,
 * which uacme writes to. No private key of a certificate is in any of it.
 */
#ifndef LIBRARIAN_ACME_FILES_H
#define LIBRARIAN_ACME_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "workers/librarian/cache.h"

struct acme_files {
	int dir, certs, work;	/* owned; -1: cannot be had */
	struct cache *orders;	/* or NULL */
};

/* cache: the cache directory, lent; -1: there is none, and nothing can be ordered. 0 or a negative errno. */
int acme_files_open(struct acme_files *f, int cache);
void acme_files_clear(struct acme_files *f);

struct acme_files_ops {
	void (*on_record)(void *data, const struct record *r);
	/* text is lent. */
	void (*on_certificate)(void *data, const char *name, const char *text, size_t size);
};
/* Reads all there is; what is damaged is set aside, as in the cache. */
void acme_files_load(struct acme_files *f, const struct acme_files_ops *ops, void *data);

int acme_files_put_certificate(struct acme_files *f, const char *name, const char *text, size_t size);
/* It cannot be used: out of the way, with a warning. */
void acme_files_set_aside(struct acme_files *f, const char *name, const char *why);

#define ACME_PATH_MAX 64	/* of what follows, in dir */

/* The request of the order in that slot, and nothing of an earlier one beside it; path gets where. 0 or a negative errno. */
int acme_files_put_request(struct acme_files *f, int slot, const void *der, size_t size, char path[ACME_PATH_MAX]);
/* The certificates that uacme has written for it, to be forgotten by file_forget(). 0, or -EINVAL with error (MSG_TEXT_MAX). */
int acme_files_take_answer(struct acme_files *f, int slot, char **text, size_t *size, char *error);

/* The folder of the account with that CA; whether it has been made. */
bool acme_files_account(struct acme_files *f, const char *directory, char path[ACME_PATH_MAX]);
/* It has been made, or (!made) must be made anew. */
void acme_files_note_account(struct acme_files *f, const char *directory, bool made);

#endif
