/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes host sets, one at a time: the opener opens the file (and before it its
 * folder, to be watched), the librarian makes the set.
 */
#ifndef SUPERVISOR_POLICY_SET_H
#define SUPERVISOR_POLICY_SET_H

#include "supervisor/opener.h"

struct set_maker_ops {
	/*
	 * The folder of path, open only to be watched: the file's own, then, if
	 * the file is a symbolic link, that of its target. Both are lent.
	 */
	void (*on_folder)(void *data, const char *path, int fd);
	/*
	 * The end: fd is given. Or error, a sentence that names the file and its
	 * line, and fd -1; later: nothing is wrong with the file, so try again.
	 */
	void (*on_made)(void *data, const char *error, bool later, int fd, uint32_t names);
};

struct set_maker {
	struct supervisor *s;
	const struct set_maker_ops *ops;
	void *data;
	struct opener opener;
	bool busy;
	char *path;
	int file;			/* for the librarian; -1: not open yet */
	bool folder;			/* on the way to the folder, not the file */
	bool waiting;			/* for an opener that can be asked */
	uint32_t id;			/* of the question to the librarian; 0: none */
	ev_timer deadline;
};

void set_maker_init(struct set_maker *m, struct supervisor *s, const struct set_maker_ops *ops, void *data);
void set_maker_clear(struct set_maker *m);
/* Not while it is busy. May be answered before it returns. */
void set_maker_begin(struct set_maker *m, const char *path);
/* Without an answer. */
void set_maker_abort(struct set_maker *m);

/* From the librarian; false if the answer is for another. */
bool set_maker_on_answer(struct set_maker *m, const struct msg *msg, struct packet *p);
void set_maker_on_librarian_down(struct set_maker *m);

#endif
