/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of the flow of files, for material*.c alone. */
#ifndef SUPERVISOR_BOOT_MATERIAL_INSIDE_H
#define SUPERVISOR_BOOT_MATERIAL_INSIDE_H

#include "common/numbers.h"
#include "supervisor/boot/files.h"
#include "supervisor/boot/material.h"
#include "supervisor/known.h"
#include "supervisor/opener.h"
#include "supervisor/supervisor.h"

#define IN_FLIGHT 32		/* packets with a descriptor that may wait for a role */
#define SHARES_IN_FLIGHT 4	/* of fdpass_share(): keys that the keeper has been sent together and not answered */
#define KEYS_IN_FLIGHT (SHARES_IN_FLIGHT * FDPASS_MAX)

/* Certificates that were ordered: a segment without the names of files. */
struct ordered { int fd; struct msg_ordered info; };

struct catalog_fds {
	int fds[MSG_SEGMENTS_MAX];
	int fds_n;
	struct msg_catalog info;
	uint32_t base;		/* the round whose files it is made of */
};

/* Which files were read, and by which configuration. */
struct read_files {
	struct known *known;	/* owned; NULL: none */
	uint64_t conf;		/* material_conf_print() */
	uint32_t librarian, keeper;	/* the generations that these have of them; 0: they must have all anew */
};

/* Of all files; of keys, for a new keeper; of the store, for a librarian that went on without it. */
enum round { ROUND_NONE, ROUND_ALL, ROUND_KEYS, ROUND_STORE };
enum store_state { STORE_NOT_ASKED, STORE_ASKED, STORE_DONE };

struct material {
	struct supervisor *s;
	const struct material_ops *ops;
	struct opener opener;
	size_t share;			/* fdpass_share() */
	ev_timer retry;
	bool need_keys, stopped;
	bool prepared;			/* a round of all has ended well; neither commit nor discard yet */
	const struct conf *wanted;	/* a round of all files of it is to begin; or NULL */
	struct catalog_fds catalog, next;
	struct ordered ordered;		/* fd -1: none */
	int all[MSG_SEGMENTS_MAX];		/* segments of the catalog in use, with that; lent to who asks */
	struct read_files read;		/* of what is in force */
	bool awaits_saved;		/* the librarian looks for what lies in its cache */
	bool late_store;		/* it has not got the store */
	bool load_store;		/* the next round brings it */
	uint32_t librarian_has;		/* the generation that it goes on from */
	ev_timer save;			/* what is in force to the cache directory */
	bool saved_once;
	unsigned stale_readies;		/* the keeper's, for rounds that were broken off */
	uint32_t numbers;		/* the last given, to a round or a catalog */
	uint32_t file_numbers;		/* the last given to a file */
	uint32_t of_all;		/* of the last round of all files */

	/* What the last round of all files has read; in force with its commit. */
	struct known *fresh;
	struct numbers gone;		/* of read.known, those that this round replaces or misses */
	bool went_on;			/* it read only what has changed */
	uint64_t fresh_conf;

	/* The round. */
	enum round round;
	const struct conf *conf;	/* whose files they are */
	uint32_t generation;
	bool known_told;		/* the opener knows which files are known */
	bool goes_on, keys_go_on;	/* librarian, keeper keep what has not changed */
	uint64_t begun_ns;
	struct files files;
	int next_entry;			/* to be asked about */
	bool next_is_key;		/* of that entry the chain has been asked for */
	enum store_state store;		/* what it has is needed for the chains of all others */
	bool store_changed, store_anew;	/* a file of it has; all of its files are read */
	size_t at_keeper;		/* files that it has not answered, together or alone */
	size_t together;		/* questions about several, which it answers in their order */
	uint8_t each[KEYS_IN_FLIGHT];	/* how many files each is about; together of them from first_each on, in a ring */
	unsigned first_each;
	bool keys_ended, keys_ready, certs_ended, catalog_came;
	size_t files_n, certs_asked, certs_answered, keys;
	unsigned errors;
};

/* material.c */
struct child *material_keeper(struct material *m);
struct child *material_librarian(struct material *m);
void material_report(struct material *m, const struct file *file, const char *what);
/* The same of one that is known, by its number. */
void material_report_known(struct material *m, uint32_t number, const char *what);
void material_warn(struct material *m, const struct file *file, const char *what);
/* NULL: it is none of this round. */
struct file *material_file(struct material *m, uint32_t id);
void material_step(struct material *m);
/* A round that can begin does. */
void material_begin(struct material *m);
/* From the start, because it turns out that more is needed. */
void material_begin_again(struct material *m);
/* The round cannot go on. */
void material_give_up(struct material *m, const char *why);

/* material_files.c: questions to the opener, and what comes of them. */
extern const struct opener_ops material_opener_ops;
/* The settings of its chains; before a round, or a stock. */
void material_send_chain_settings(struct material *m, const struct conf *conf);
bool material_all_asked(const struct material *m);
void material_ask_more(struct material *m);
/* Not more descriptors in flight than a role takes. */
void material_control_flow(struct material *m);
/* Certificates: a text, or a descriptor if that is empty (else -1); lent. */
void material_to_librarian(struct material *m, uint32_t id, const struct file *file, struct bytes text, int fd);

/* material_read.c: which files were read, so that they need not be read again. */
uint64_t material_conf_print(const struct conf *conf);
/* Whether librarian and keeper can go on from what they have. */
void material_read_begin(struct material *m);
/* Gives a file that was opened its number. False: it is not wanted in this round. */
bool material_read_file(struct material *m, struct file *file, uint64_t stamp);
/* Known files are there as they were. False: one is not of this round. */
bool material_read_same(struct material *m, struct bytes numbers);
void material_read_gone(struct material *m, struct bytes numbers);
/* Every file has been seen that is there: what is not is gone. */
void material_read_all_seen(struct material *m);
/* Tells who goes on what is gone. */
void material_tell_gone(struct material *m, struct child *who);
/* The round has ended well: keeps what it has read. 0 or -ENOMEM. */
int material_read_keep(struct material *m);
void material_read_commit(struct material *m);
void material_read_drop(struct material *m);
void material_read_clear(struct material *m);

/* Goes on from files that were known in another run: takes k. */
void material_read_resume(struct material *m, struct known *k, uint64_t conf, uint32_t generation);

/* material_save.c: what is in force, on disk and at a new librarian. */
void material_save_init(struct material *m);
/* What is in force has changed. */
void material_save_soon(struct material *m);
void material_save_now(struct material *m);
void material_on_saved(struct material *m, const struct msg *msg, struct packet *p);
/* Gives the librarian what is in force, to go on from. */
void material_send_stock(struct material *m);

/* material_catalog.c: the catalogs that are there. */
void material_close_catalog(struct catalog_fds *c);
void material_on_catalog(struct material *m, const struct msg *msg, struct packet *p);

#endif
