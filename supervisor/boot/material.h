/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flow of certificate and key files: from the opener to keeper and
 * librarian, and as a catalog to the workers. One pass over all files is a
 * round. The supervisor only hands descriptors on; few at a time.
 */
#ifndef SUPERVISOR_BOOT_MATERIAL_H
#define SUPERVISOR_BOOT_MATERIAL_H

#include "supervisor/child.h"

struct material;

struct material_ops {
	/* Something is wrong with a file: a sentence that names file and line. */
	void (*on_error)(struct supervisor *s, const char *text);
	/* Something about a file needs attention, and does not hinder. */
	void (*on_warning)(struct supervisor *s, const char *text);
	/* A round is over. catalog: there is a new one to send to workers. */
	void (*on_done)(struct supervisor *s, unsigned errors, bool catalog);
};

struct material *material_new(struct supervisor *s, const struct material_ops *ops);
void material_free(struct material *m);

/*
 * A round is needed: of all files, or only to give the keeper its keys again.
 * It begins when keeper and librarian are there and no other round runs.
 */
void material_need_all(struct material *m);
void material_need_keys(struct material *m);

/* From the roles. */
void material_on_introduced(struct material *m);
void material_on_keys_ready(struct material *m);
void material_on_message(struct material *m, const struct msg *msg, struct packet *p);
void material_on_flushed(struct material *m);
/* Keeper or librarian is gone: the round that runs is given up. */
void material_on_down(struct material *m);

/* Sends the catalog in use to a worker; false if there is none yet. */
bool material_send_catalog(const struct material *m, struct child *worker);
/* Its segments, lent until the loop turns; returns how many, 0 if there is none (m may be NULL). */
int material_catalog(const struct material *m, const int **fds, uint32_t *generation);
/* What is in it. */
void material_counts(const struct material *m, uint32_t *names, uint32_t *certificates);
/* No more rounds. */
void material_stop(struct material *m);

#endif
