/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flow of certificate and key files: from the opener to keeper and
 * librarian, and as a catalog to the workers. One pass over all files is a
 * round; the supervisor only hands descriptors on, few at a time. A round
 * prepares a catalog and its keys, which are then committed or discarded; until
 * then the keys of both sign.
 */
#ifndef SUPERVISOR_BOOT_MATERIAL_H
#define SUPERVISOR_BOOT_MATERIAL_H

#include "supervisor/child.h"
#include "supervisor/conf.h"

struct material;

struct material_ops {
	/* Something is wrong with a file: a sentence that names file and line. */
	void (*on_error)(struct supervisor *s, const char *text);
	/* Something about a file needs attention, and does not hinder. */
	void (*on_warning)(struct supervisor *s, const char *text);
	/* A round is over: commit what it prepared (if errors is 0) or discard it. */
	void (*on_prepared)(struct supervisor *s, unsigned errors);
	/* The catalog in use is another: of the same files, with a link that was missing. */
	void (*on_catalog)(struct supervisor *s);
};

struct material *material_new(struct supervisor *s, const struct material_ops *ops);
void material_free(struct material *m);

/*
 * Begins a round over the files of that configuration, which must live until
 * it is committed or discarded, as soon as keeper and librarian are there.
 */
void material_prepare(struct material *m, const struct conf *conf);
/* The catalog is the one that material_send_catalog() sends; the keys sign, those of before do, too. */
void material_commit(struct material *m);
/* The workers are ready: what they need not wait for can begin. */
void material_started(struct material *m);
/* Every worker has the catalog: keys of before sign no more. */
void material_settle(struct material *m);
/* Drops what was prepared, or breaks the round off. */
void material_discard(struct material *m);

/* The keeper was started anew: gives it the keys in force again, as soon as it can be. */
void material_need_keys(struct material *m);

/* From the roles. */
void material_on_keeper(struct material *m);
/* with_cache: it was given the cache directory, and will say what it has found there. */
void material_on_librarian(struct material *m, bool with_cache);
void material_on_keys_ready(struct material *m);
void material_on_message(struct material *m, const struct msg *msg, struct packet *p);
void material_on_flushed(struct material *m);
/* Keeper or librarian is gone: the round that runs, or what it prepared, is lost. */
void material_on_down(struct material *m, const struct child *who);

/* Certificates that were ordered belong to the catalog in use, whichever that is; takes fd, -1: there are none. */
void material_set_ordered(struct material *m, const struct msg_ordered *info, int fd);

/* Sends the catalog in use to a worker; false if there is none yet. */
bool material_send_catalog(const struct material *m, struct child *worker);
/* Its segments, lent until the loop turns; returns how many, 0 if there is none (m may be NULL). */
int material_catalog(struct material *m, const int **fds, uint32_t *generation);
/* What is in it. */
void material_counts(const struct material *m, uint32_t *names, uint32_t *certificates);
/* No more rounds. */
void material_stop(struct material *m);

#endif
