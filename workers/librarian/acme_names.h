/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names that certificates are ordered for, in order: what each has, and
 * what came of its orders.
 */
#ifndef LIBRARIAN_ACME_NAMES_H
#define LIBRARIAN_ACME_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/catalog.h"
#include "workers/librarian/record.h"

#define ACME_NAMES_MAX 20000

struct acme_name {
	struct record rec;	/* id: the name */
	bool listed;		/* the configuration says that it is to have one */
	bool asked;		/* a client, or an operator, has asked for it since the last try */
	bool running;
	bool changed;		/* the supervisor is to be told */
	bool told_late;		/* a warning was written: it ends soon, and is not renewed */

	/* Its certificate with its chain (PEM); NULL: none that serves. */
	char *pem;
	size_t pem_size;
	uint8_t key_id[KEY_ID_BYTES];
	int64_t not_before, not_after;
	bool stapled;		/* it wants a staple, by that id; known when it is served */
	uint8_t cert_id[CERT_ID_BYTES];
};

struct acme_names {
	struct acme_name **list;	/* by name; each stays where it is */
	size_t n, cap;
};

struct acme_name *acme_names_find(const struct acme_names *names, const char *name);
/* Finds or adds; NULL: out of memory, too many, or too long to be a file's name. */
struct acme_name *acme_names_get(struct acme_names *names, const char *name);
/* Takes pem, or frees it. The name has that certificate from now on; NULL: none. */
void acme_name_set_pem(struct acme_name *name, char *pem, size_t size);
void acme_names_clear(struct acme_names *names);

#endif
